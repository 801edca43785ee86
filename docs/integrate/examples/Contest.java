/*
 * One whole contest: two files are uploaded, one signed call names them, and its signed answer is checked.
 *
 *     java Contest.java DISPUTE_NO RECEIPT REFUND
 *
 * RECEIPT and REFUND are files, or storageUris that an earlier run has printed. REBUTTAL_URL, REBUTTAL_APP_ID and
 * REBUTTAL_APP_SECRET must be set. Needs only Java 17; with a JSON library, use it instead of Json below.
 *
 * Exit codes: 0 contested, in a signed answer. 1 a file or setting is invalid. 2 usage. 3 refused. 4 unknown; the
 * command to run is printed. 5 no settled answer, nothing contested. 6 the answer cannot be verified, nothing contested.
 */

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

public final class Contest {
    /** After a verified answer with one of these codes, the call may still have taken effect. */
    static final Set<String> UNSETTLED =
        Set.of("Common.Auth.ReplayedNonce", "Common.System.Error", "Common.System.OutcomeUnknown");
    static final int ANSWER_MAX_BYTES = 1 << 20;
    static final Duration TIMEOUT = Duration.ofSeconds(30);
    static final Pattern TIMESTAMP = Pattern.compile("timestamp=(\\d{13}),");

    static final String BASE_URL = setting("REBUTTAL_URL");
    static final String APP_ID = setting("REBUTTAL_APP_ID");
    static final String APP_SECRET = setting("REBUTTAL_APP_SECRET");

    // Otherwise the client tries HTTP/2 first. A signed refusal is not an error; redirects are not followed.
    static final HttpClient HTTP =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(TIMEOUT).build();

    /** The gateway refused in a verified answer, or the file store refused a file. */
    static final class Refused extends Exception {
        Refused(String why) { super(why); }
    }

    /** There is no settled answer to the call. */
    static class Unanswered extends Exception {
        Unanswered(String why) { super(why); }
    }

    /** The answer's signature is missing or wrong. */
    static final class Unproven extends Unanswered {
        Unproven(String why) { super(why); }
    }

    record Answer(int status, String authorization, byte[] body) {
        String text() { return new String(body, UTF_8); }
    }

    /** The data of a verified OK answer, and the proof. */
    record Proven(Map<?, ?> data, String proof) {}

    /** Seven values, each followed by a line feed, the last one too. */
    static String sign(String url, String timestamp, String nonce, byte[] body) {
        String values = String.join("\n", APP_ID, APP_SECRET, "POST", url, timestamp, nonce) + "\n";
        return sha256(values.getBytes(UTF_8), body, "\n".getBytes(UTF_8));
    }

    static String authorization(String sign, String timestamp, String nonce) {
        return "V2_SHA256 appId=%s,sign=%s,timestamp=%s,nonce=%s".formatted(APP_ID, sign, timestamp, nonce);
    }

    /**
     * Verifies an answer and returns its label. "answer": the answer is the outcome of this request.
     * "notice": the gateway sent it to a caller with this nonce and signature, and the request may still take effect.
     * Empty: nothing.
     */
    static String proven(Answer answer, String url, String nonce, String requestSign) {
        for (byte value : answer.body()) {
            // SHA-256 can be extended without the secret; what is appended has zeros.
            if (0 <= value && value < 0x20 && value != '\t' && value != '\n' && value != '\r') return "";
        }
        var found = TIMESTAMP.matcher(answer.authorization());
        String timestamp = found.find() ? found.group(1) : "";
        for (String label : List.of("answer", "notice")) {
            byte[] binding = "%s\n%s\n%s\n".formatted(label, nonce, requestSign).getBytes(UTF_8);
            String bound = sha256(binding).toUpperCase().substring(0, 32);
            String right = authorization(sign(url, timestamp, bound, answer.body()), timestamp, bound);
            if (MessageDigest.isEqual(answer.authorization().getBytes(UTF_8), right.getBytes(UTF_8))) return label;
        }
        return "";
    }

    static Answer post(String url, byte[] body, String... headers) throws Unanswered {
        try {
            var request = HttpRequest.newBuilder(URI.create(url)).timeout(TIMEOUT).headers(headers)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body)).build();
            var answer = HTTP.send(request, BodyHandlers.ofInputStream());
            try (var stream = answer.body()) {
                String authorization = String.join(", ", answer.headers().allValues("Authorization"));
                return new Answer(answer.statusCode(), authorization, stream.readNBytes(ANSWER_MAX_BYTES));
            }
        } catch (IOException | InterruptedException error) {
            throw new Unanswered(url + ": " + error);
        }
    }

    /** Makes one signed call. */
    static Proven call(String path, String json) throws Refused, Unanswered {
        String url = BASE_URL + path;
        byte[] body = json.getBytes(UTF_8); // These bytes are signed, and these are sent.
        String timestamp = Long.toString(System.currentTimeMillis());
        String nonce = random();
        String requestSign = sign(url, timestamp, nonce, body);
        Answer answer = post(url, body,
            "Content-Type", "application/json",
            "Accept", "application/json",
            "Authorization", authorization(requestSign, timestamp, nonce));
        String label = proven(answer, url, nonce, requestSign);
        if (label.isEmpty()) {
            throw new Unproven("The answer cannot be verified: wrong secret, app or URL, or not the gateway. It says: "
                + shortened(answer.text()));
        }
        var envelope = (Map<?, ?>) new Json(answer.text()).read();
        String code = (String) envelope.get("code");
        String said = code + ": " + envelope.get("errorMessage");
        if (label.equals("notice")) throw new Unanswered("A notice, which settles nothing: " + said);
        if (UNSETTLED.contains(code)) throw new Unanswered(said);
        if (!"OK".equals(code)) throw new Refused(said);
        return new Proven((Map<?, ?>) envelope.get("data"), answer.authorization() + "\n" + answer.text());
    }

    /** Uploads a file and returns its storageUri. */
    static String upload(String file) throws IOException, Refused, Unanswered {
        if (file.startsWith("s3://")) return file;
        byte[] content = Files.readAllBytes(Path.of(file));
        String filename = "evidence" + file.substring(Math.max(file.lastIndexOf('.'), 0));
        Map<?, ?> ticket = call("/pg/v2/file/generateUploadUrl",
            "{\"filename\":%s,\"scene\":\"DISPUTE_EVIDENCE\"}".formatted(Json.text(filename))).data();

        String boundary = random();
        String part = "--" + boundary + "\r\nContent-Disposition: form-data; name=";
        var form = new ByteArrayOutputStream();
        for (var field : ((Map<?, ?>) ticket.get("formFields")).entrySet()) {
            form.writeBytes("%s\"%s\"\r\n\r\n%s\r\n".formatted(part, field.getKey(), field.getValue()).getBytes(UTF_8));
        }
        form.writeBytes("%s\"file\"; filename=\"evidence\"\r\n\r\n".formatted(part).getBytes(UTF_8)); // It comes last.
        form.writeBytes(content);
        form.writeBytes("\r\n--%s--\r\n".formatted(boundary).getBytes(UTF_8));
        Answer answer = post((String) ticket.get("uploadUrl"), form.toByteArray(),
            "Content-Type", "multipart/form-data; boundary=" + boundary);
        if (answer.status() != 204) {
            throw new Refused(file + " was not taken: " + answer.status() + " " + shortened(answer.text()));
        }
        OUT.println(file + " is stored at " + ticket.get("storageUri"));
        return (String) ticket.get("storageUri");
    }

    static void contest(String disputeNo, String receipt, String refund) throws IOException, Refused, Unanswered {
        List<String> urls = List.of(upload(receipt), upload(refund));
        // Escapes, because until Java 18 the machine's own character set decides how a source file is read.
        String json = """
            {"disputeNo":%s,"evidenceList":[
              {"type":"RECEIPT","name":"Receipt \u2013 re\u00e7u \u2116 7","url":%s},
              {"type":"REFUND","name":"Refund confirmation \u2013 \u9000\u6b3e\u51ed\u8bc1","url":%s}]}"""
            .formatted(Json.text(disputeNo), Json.text(urls.get(0)), Json.text(urls.get(1)));
        try {
            String proof = call("/pg/v2/dispute/contest", json).proof();
            OUT.println(disputeNo + " is contested; the gateway has signed for it:\n" + proof);
        } catch (Unanswered error) {
            // The same contest with the same storageUris is a repetition: it is recorded once.
            end(4, "%s\nWhether it counts is not known. To make sure: java %s %s %s"
                .formatted(error.getMessage(), program(), disputeNo, String.join(" ", urls)));
        }
    }

    public static void main(String[] words) {
        if (words.length != 3) end(2, "usage: java Contest.java DISPUTE_NO RECEIPT REFUND");
        if (BASE_URL.isEmpty() || APP_ID.isEmpty() || APP_SECRET.isEmpty()) {
            end(1, "REBUTTAL_URL, REBUTTAL_APP_ID and REBUTTAL_APP_SECRET must be set");
        }
        if (!BASE_URL.matches("https?://\\S+")) end(1, "REBUTTAL_URL must begin with https:// or http://");
        try {
            contest(words[0], words[1], words[2]);
        } catch (IOException error) {
            end(1, error.toString());
        } catch (Refused error) {
            end(3, "Refused: " + error.getMessage());
        } catch (Unproven error) {
            end(6, error.getMessage());
        } catch (Unanswered error) {
            end(5, error.getMessage());
        }
    }

    static final PrintStream OUT = new PrintStream(System.out, true, UTF_8);

    static void end(int code, String why) {
        new PrintStream(System.err, true, UTF_8).println(why);
        System.exit(code);
    }

    /** The path of this file, as given to java. */
    static String program() {
        String[] words = System.getProperty("sun.java.command", "").split(" ");
        return words.length > 1 && words[1].endsWith(".java") ? words[1] : "Contest.java";
    }

    static String setting(String name) {
        return System.getenv().getOrDefault(name, "");
    }

    static String shortened(String text) {
        // Unverified text, without control characters.
        return text.substring(0, Math.min(text.length(), 500)).replaceAll("\\p{Cntrl}", " ");
    }

    static String random() {
        byte[] bytes = new byte[16];
        new SecureRandom().nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    static String sha256(byte[]... pieces) {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            for (byte[] piece : pieces) digest.update(piece);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException("every Java has SHA-256", error);
        }
    }

    /** Parses the JSON that the gateway's verified answers contain; anything else is refused. */
    static final class Json {
        private final String text;
        private int at;

        Json(String text) { this.text = text; }

        /** The text as a JSON string. */
        static String text(String text) {
            var json = new StringBuilder("\"");
            for (char c : text.toCharArray()) {
                if (c == '"' || c == '\\') json.append('\\').append(c);
                else if (c < ' ') json.append("\\u%04x".formatted((int) c));
                else json.append(c);
            }
            return json.append('"').toString();
        }

        /** An object as a map, a string, or another scalar as its text; arrays do not occur. */
        Object read() {
            return switch (peek()) {
                case '{' -> object();
                case '"' -> string();
                default -> word();
            };
        }

        private Map<String, Object> object() {
            var members = new LinkedHashMap<String, Object>();
            expect('{');
            if (peek() != '}') {
                do {
                    String name = string();
                    expect(':');
                    members.put(name, read());
                } while (accept(','));
            }
            expect('}');
            return members;
        }

        private String string() {
            expect('"');
            var read = new StringBuilder();
            for (char c = next(); c != '"'; c = next()) {
                read.append(c == '\\' ? escape() : c);
            }
            return read.toString();
        }

        private char escape() {
            char c = next();
            return switch (c) {
                case 'b' -> '\b';
                case 'f' -> '\f';
                case 'n' -> '\n';
                case 'r' -> '\r';
                case 't' -> '\t';
                case 'u' -> (char) Integer.parseInt("" + next() + next() + next() + next(), 16);
                default -> c;
            };
        }

        private Object word() {
            int from = at;
            while (at < text.length() && ",}] \t\r\n".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(from, at);
            return word.equals("null") ? null : word;
        }

        private char peek() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
            return at < text.length() ? text.charAt(at) : 0;
        }

        private boolean accept(char c) {
            boolean there = peek() == c;
            if (there) at++;
            return there;
        }

        private void expect(char c) {
            if (!accept(c)) throw new IllegalArgumentException("no " + c + " at " + at + " of " + text);
        }

        private char next() {
            if (at == text.length()) throw new IllegalArgumentException("an open end: " + text);
            return text.charAt(at++);
        }
    }
}
