#!/usr/bin/env php
<?php
/*
 * One whole contest: two files are uploaded, one signed call names them, and its signed answer is checked.
 *
 *     php contest.php DISPUTE_NO RECEIPT REFUND
 *
 * RECEIPT and REFUND are files, or storageUris that an earlier run has printed. REBUTTAL_URL, REBUTTAL_APP_ID and
 * REBUTTAL_APP_SECRET must be set. Needs PHP 8.1 and no extension but those that it always has (and openssl for https).
 *
 * Exit codes: 0 contested, in a signed answer. 1 a file or setting is invalid. 2 usage. 3 refused. 4 unknown; the
 * command to run is printed. 5 no settled answer, nothing contested. 6 the answer cannot be verified, nothing contested.
 */
declare(strict_types=1);

// After a verified answer with one of these codes, the call may still have taken effect.
const UNSETTLED = ['Common.Auth.ReplayedNonce', 'Common.System.Error', 'Common.System.OutcomeUnknown'];
const ANSWER_MAX_BYTES = 1 << 20;
const TIMEOUT_SECONDS = 30;

/** A local file that cannot be read. */
class Unreadable extends Exception {}
/** The gateway refused in a verified answer, or the file store refused a file. */
class Refused extends Exception {}
/** There is no settled answer to the call. */
class Unanswered extends Exception {}
/** The answer's signature is missing or wrong. */
class Unproven extends Unanswered {}

/** Seven values, each followed by a line feed, the last one too. */
function sign(string $url, string $timestamp, string $nonce, string $body): string
{
    $values = [APP_ID, APP_SECRET, 'POST', $url, $timestamp, $nonce, $body];
    return hash('sha256', implode("\n", $values) . "\n");
}

function authorization(string $sign, string $timestamp, string $nonce): string
{
    return 'V2_SHA256 appId=' . APP_ID . ",sign=$sign,timestamp=$timestamp,nonce=$nonce";
}

/**
 * Verifies an answer and returns its label. "answer": the answer is the outcome of this request.
 * "notice": the gateway sent it to a caller with this nonce and signature, and the request may still take effect.
 * Null: the header is invalid.
 */
function proven(string $given, string $url, string $nonce, string $requestSign, string $body): ?string
{
    if (preg_match('/[\x00-\x08\x0b\x0c\x0e-\x1f]/', $body)) {
        return null; // SHA-256 can be extended without the secret; what is appended has zeros.
    }
    $timestamp = preg_match('/timestamp=(\d{13}),/', $given, $found) ? $found[1] : '';
    foreach (['answer', 'notice'] as $label) {
        $bound = substr(strtoupper(hash('sha256', "$label\n$nonce\n$requestSign\n")), 0, 32);
        if (hash_equals(authorization(sign($url, $timestamp, $bound, $body), $timestamp, $bound), $given)) {
            return $label;
        }
    }
    return null;
}

/** @return array{int, string, string} status, Authorization header and body of the answer */
function post(string $url, string $body, array $headers): array
{
    $http = ['method' => 'POST', 'header' => $headers, 'content' => $body, 'timeout' => TIMEOUT_SECONDS];
    // Returns every answer: a signed refusal is not an error, and redirects are not followed.
    $http += ['ignore_errors' => true, 'follow_location' => 0];
    $stream = @fopen($url, 'r', context: stream_context_create(['http' => $http]));
    $answer = $stream ? stream_get_contents($stream, ANSWER_MAX_BYTES) : false;
    if ($answer === false) {
        throw new Unanswered("$url: " . (error_get_last()['message'] ?? 'no answer'));
    }
    $lines = stream_get_meta_data($stream)['wrapper_data'];
    // PHP does not report an answer that was cut off.
    $length = preg_replace('/^content-length: */i', '', preg_grep('/^content-length:/i', $lines));
    if ($length && strlen($answer) < (int) end($length)) {
        throw new Unanswered("$url: the answer is cut off");
    }
    $given = preg_replace('/^authorization: */i', '', preg_grep('/^authorization:/i', $lines));
    return [(int) explode(' ', $lines[0])[1], implode(', ', $given), $answer];
}

/** Unverified text, of which only ASCII is shown. */
function shortened(string $answer): string
{
    return preg_replace('/[^\x20-\x7e]/', ' ', substr($answer, 0, 500));
}

/** Makes a signed call; returns the data of a verified OK answer, and the proof. */
function call(string $path, array $params): array
{
    $url = BASE_URL . $path;
    // These bytes are signed, and these are sent.
    $body = json_encode($params, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
    $timestamp = (string) (int) (microtime(true) * 1000);
    $nonce = bin2hex(random_bytes(16));
    $requestSign = sign($url, $timestamp, $nonce, $body);
    [, $given, $answer] = post($url, $body, [
        'Content-Type: application/json',
        'Accept: application/json',
        'Authorization: ' . authorization($requestSign, $timestamp, $nonce),
    ]);
    $label = proven($given, $url, $nonce, $requestSign, $answer);
    if ($label === null) {
        $says = shortened($answer);
        throw new Unproven("The answer cannot be verified: wrong secret, app or URL, or not the gateway. It says: $says");
    }
    ['code' => $code, 'errorMessage' => $message, 'data' => $data] = json_decode($answer, true, 16, JSON_THROW_ON_ERROR);
    if ($label === 'notice') {
        throw new Unanswered("A notice, which settles nothing: $code: $message");
    }
    if (in_array($code, UNSETTLED, true)) {
        throw new Unanswered("$code: $message");
    }
    if ($code !== 'OK') {
        throw new Refused("$code: $message");
    }
    return [$data, "$given\n$answer"];
}

/** Uploads a file and returns its storageUri. */
function upload(string $file): string
{
    if (str_starts_with($file, 's3://')) {
        return $file;
    }
    $content = @file_get_contents($file);
    if ($content === false) {
        throw new Unreadable("$file cannot be read");
    }
    $filename = 'evidence.' . pathinfo($file, PATHINFO_EXTENSION);
    [$ticket] = call('/pg/v2/file/generateUploadUrl', ['filename' => $filename, 'scene' => 'DISPUTE_EVIDENCE']);

    $boundary = bin2hex(random_bytes(16));
    $part = "--$boundary\r\nContent-Disposition: form-data; name=";
    $form = '';
    foreach ($ticket['formFields'] as $name => $value) {
        $form .= "$part\"$name\"\r\n\r\n$value\r\n";
    }
    $form .= "$part\"file\"; filename=\"$filename\"\r\n\r\n$content\r\n--$boundary--\r\n"; // The file comes last.
    $headers = ["Content-Type: multipart/form-data; boundary=$boundary"];
    [$status, , $answer] = post($ticket['uploadUrl'], $form, $headers);
    if ($status !== 204) {
        throw new Refused("$file was not taken: $status " . shortened($answer));
    }
    echo "$file is stored at {$ticket['storageUri']}\n";
    return $ticket['storageUri'];
}

function contest(string $program, string $disputeNo, string $receipt, string $refund): void
{
    $urls = [upload($receipt), upload($refund)];
    $evidence = [
        ['type' => 'RECEIPT', 'name' => 'Receipt – reçu № 7', 'url' => $urls[0]],
        ['type' => 'REFUND', 'name' => 'Refund confirmation – 退款凭证', 'url' => $urls[1]],
    ];
    try {
        [, $proof] = call('/pg/v2/dispute/contest', ['disputeNo' => $disputeNo, 'evidenceList' => $evidence]);
    } catch (Unanswered $error) {
        // The same contest with the same storageUris is a repetition: it is recorded once.
        $again = "$program $disputeNo " . implode(' ', $urls);
        end_with(4, "{$error->getMessage()}\nWhether it counts is not known. To make sure: php $again");
    }
    echo "$disputeNo is contested; the gateway has signed for it:\n$proof\n";
}

function end_with(int $code, string $why): never
{
    fwrite(STDERR, "$why\n");
    exit($code);
}

define('BASE_URL', (string) getenv('REBUTTAL_URL'));
define('APP_ID', (string) getenv('REBUTTAL_APP_ID'));
define('APP_SECRET', (string) getenv('REBUTTAL_APP_SECRET'));
if ($argc !== 4) {
    end_with(2, 'usage: php contest.php DISPUTE_NO RECEIPT REFUND');
}
if (in_array('', [BASE_URL, APP_ID, APP_SECRET], true)) {
    end_with(1, 'REBUTTAL_URL, REBUTTAL_APP_ID and REBUTTAL_APP_SECRET must be set');
}
if (!preg_match('#^https?://#', BASE_URL)) {
    end_with(1, 'REBUTTAL_URL must begin with https:// or http://');
}
try {
    contest(...$argv);
} catch (Exception $error) {
    end_with(match ($error::class) {
        Refused::class => 3,
        Unproven::class => 6,
        Unanswered::class => 5,
        default => 1,
    }, ($error instanceof Refused ? 'Refused: ' : '') . $error->getMessage());
}
