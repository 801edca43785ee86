#!/usr/bin/env node
/*
 * One whole contest: two files are uploaded, one signed call names them, and its signed answer is checked.
 *
 *     node contest.mts DISPUTE_NO RECEIPT REFUND
 *
 * RECEIPT and REFUND are files, or storageUris that an earlier run has printed. REBUTTAL_URL, REBUTTAL_APP_ID and
 * REBUTTAL_APP_SECRET must be set. Needs no package; Node.js 22.18 or newer runs it directly.
 *
 * Exit codes: 0 contested, in a signed answer. 1 a file or setting is invalid. 2 usage. 3 refused. 4 unknown; the
 * command to run is printed. 5 no settled answer, nothing contested. 6 the answer cannot be verified, nothing contested.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";

// After a verified answer with one of these codes, the call may still have taken effect.
const UNSETTLED = ["Common.Auth.ReplayedNonce", "Common.System.Error", "Common.System.OutcomeUnknown"];
const ANSWER_MAX_BYTES = 1 << 20;
const TIMEOUT_MILLIS = 30_000;

const setting = (name: string): string => process.env[name] ?? "";
const [baseUrl, appId, appSecret] =
  [setting("REBUTTAL_URL"), setting("REBUTTAL_APP_ID"), setting("REBUTTAL_APP_SECRET")];

interface Envelope<Data> { code: string; errorMessage: string | null; data: Data }
interface Ticket { uploadUrl: string; httpMethod: string; formFields: Record<string, string>; storageUri: string }
interface Evidence { type: "RECEIPT" | "REFUND" | "OTHER" | "DEFAULT"; name: string; url: string }
interface Answer { status: number; authorization: string; body: Buffer }
interface Proven<Data> { data: Data; proof: string }

/** The gateway refused in a verified answer, or the file store refused a file. */
class Refused extends Error {}
/** There is no settled answer to the call. */
class Unanswered extends Error {}
/** The answer's signature is missing or wrong. */
class Unproven extends Unanswered {}

const sha256 = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");

/** Seven values, each followed by a line feed, the last one too. */
function sign(url: string, timestamp: string, nonce: string, body: Uint8Array): string {
  const values = [appId, appSecret, "POST", url, timestamp, nonce].map((value) => `${value}\n`);
  return sha256(Buffer.concat([Buffer.from(values.join("")), body, Buffer.from("\n")]));
}

function authorization(sign: string, timestamp: string, nonce: string): string {
  return `V2_SHA256 appId=${appId},sign=${sign},timestamp=${timestamp},nonce=${nonce}`;
}

/**
 * Verifies an answer and returns its label. "answer": the answer is the outcome of this request.
 * "notice": the gateway sent it to a caller with this nonce and signature, and the request may still take effect.
 * Undefined: the header is invalid.
 */
function proven(answer: Answer, url: string, nonce: string, requestSign: string): "answer" | "notice" | undefined {
  // SHA-256 can be extended without the secret; what is appended has zeros.
  if (answer.body.some((byte) => byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte))) return undefined;
  const timestamp = /timestamp=(\d{13}),/.exec(answer.authorization)?.[1] ?? "";
  const given = Buffer.from(answer.authorization);
  return (["answer", "notice"] as const).find((label) => {
    const bound = sha256(`${label}\n${nonce}\n${requestSign}\n`).toUpperCase().slice(0, 32);
    const right = Buffer.from(authorization(sign(url, timestamp, bound, answer.body), timestamp, bound));
    return given.length === right.length && timingSafeEqual(given, right);
  });
}

/** Returns every answer: a signed refusal is not an error, and redirects are not followed. */
async function post(url: string, body: RequestInit["body"], headers: Record<string, string>): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MILLIS);
    const answer = await fetch(url, { method: "POST", body, headers, signal, redirect: "manual" });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of answer.body ?? []) {
      length += chunk.length;
      if (length > ANSWER_MAX_BYTES) throw new Error("the answer is too long");
      chunks.push(chunk);
    }
    const authorization = answer.headers.get("Authorization") ?? "";
    return { status: answer.status, authorization, body: Buffer.concat(chunks) };
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Unanswered(`${url}: ${cause instanceof Error ? cause.message : message}`);
  }
}

/** Makes a signed call; returns the data of a verified OK answer, and the proof. */
async function call<Data>(path: string, params: object): Promise<Proven<Data>> {
  const url = baseUrl + path;
  const body = new TextEncoder().encode(JSON.stringify(params)); // These bytes are signed, and these are sent.
  const [timestamp, nonce] = [String(Date.now()), randomBytes(16).toString("hex")];
  const requestSign = sign(url, timestamp, nonce, body);
  const answer = await post(url, body, {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Authorization": authorization(requestSign, timestamp, nonce),
  });
  const text = answer.body.toString();
  const label = proven(answer, url, nonce, requestSign);
  if (label === undefined) {
    const says = shortened(text);
    throw new Unproven(`The answer cannot be verified: wrong secret, app or URL, or not the gateway. It says: ${says}`);
  }
  const { code, errorMessage, data } = JSON.parse(text) as Envelope<Data>;
  if (label === "notice") throw new Unanswered(`A notice, which settles nothing: ${code}: ${errorMessage}`);
  if (UNSETTLED.includes(code)) throw new Unanswered(`${code}: ${errorMessage}`);
  if (code !== "OK") throw new Refused(`${code}: ${errorMessage}`);
  return { data, proof: `${answer.authorization}\n${text}` };
}

/** Uploads a file and returns its storageUri. */
async function upload(file: string): Promise<string> {
  if (file.startsWith("s3://")) return file;
  const content = await readFile(file);
  const filename = `evidence${extname(file)}`;
  const params = { filename, scene: "DISPUTE_EVIDENCE" };
  const { data: ticket } = await call<Ticket>("/pg/v2/file/generateUploadUrl", params);

  const form = new FormData();
  for (const [name, value] of Object.entries(ticket.formFields)) form.append(name, value);
  form.append("file", new Blob([content]), filename); // The file comes last.
  const { status, body } = await post(ticket.uploadUrl, form, {});
  if (status !== 204) throw new Refused(`${file} was not taken: ${status} ${shortened(body.toString())}`);
  console.log(`${file} is stored at ${ticket.storageUri}`);
  return ticket.storageUri;
}

async function contest(disputeNo: string, receipt: string, refund: string): Promise<void> {
  const urls = [await upload(receipt), await upload(refund)] as const;
  const evidenceList: Evidence[] = [
    { type: "RECEIPT", name: "Receipt – reçu № 7", url: urls[0] },
    { type: "REFUND", name: "Refund confirmation – 退款凭证", url: urls[1] },
  ];
  try {
    const { proof } = await call("/pg/v2/dispute/contest", { disputeNo, evidenceList });
    console.log(`${disputeNo} is contested; the gateway has signed for it:\n${proof}`);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    // The same contest with the same storageUris is a repetition: it is recorded once.
    const again = `node ${process.argv[1]} ${disputeNo} ${urls.join(" ")}`;
    end(4, `${error.message}\nWhether it counts is not known. To make sure: ${again}`);
  }
}

/** Unverified text, without control characters. */
function shortened(text: string): string {
  return text.slice(0, 500).replace(/\p{Cc}/gu, " ");
}

function end(code: number, why: string): never {
  console.error(why);
  process.exit(code);
}

const [disputeNo, receipt, refund, ...more] = process.argv.slice(2);
if (!disputeNo || !receipt || !refund || more.length > 0) {
  end(2, "usage: node contest.mts DISPUTE_NO RECEIPT REFUND");
}
if (!baseUrl || !appId || !appSecret) {
  end(1, "REBUTTAL_URL, REBUTTAL_APP_ID and REBUTTAL_APP_SECRET must be set");
}
if (!/^https?:\/\//.test(baseUrl)) end(1, "REBUTTAL_URL must begin with https:// or http://");
try {
  await contest(disputeNo, receipt, refund);
} catch (error) {
  if (error instanceof Refused) end(3, `Refused: ${error.message}`);
  if (error instanceof Unproven) end(6, error.message);
  if (error instanceof Unanswered) end(5, error.message);
  end(1, (error as Error).message);
}
