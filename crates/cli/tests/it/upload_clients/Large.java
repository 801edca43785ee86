import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;

/** Arguments and output as those of the other programs in large.rs. */
public class Large {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        int files = arguments.length - 4;
        for (int i = 0; i < Integer.parseInt(arguments[3]); i++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
                .header("Content-Type", arguments[1])
                .header("Authorization", arguments[2])
                .POST(BodyPublishers.ofFile(Path.of(arguments[4 + i % files])))
                .build();
            try {
                var answer = client.send(request, BodyHandlers.ofString());
                System.out.println(answer.statusCode() + " " + answer.body().replace('\n', ' '));
            } catch (IOException error) {
                System.out.println(error);
            }
        }
    }
}
