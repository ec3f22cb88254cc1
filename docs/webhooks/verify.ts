// Is this message from Payerwatch? Node.js 18 or newer and nothing but its own modules.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;

/** Answer 401 and do nothing else with it. */
export class NotGenuine extends Error {}

/** Throws NotGenuine unless `body`, the bytes as they came, was signed with `secret` in the last five minutes. */
export function verify(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  secret: string,
  now: number = Date.now() / 1000,
): void {
  const id = one(headers["webhook-id"]);
  const sentAt = one(headers["webhook-timestamp"]);
  if (id === "" || !/^[0-9]{1,12}$/.test(sentAt)) {
    throw new NotGenuine("It is not signed.");
  }
  if (Math.abs(now - Number(sentAt)) > TOLERANCE_SECONDS) {
    throw new NotGenuine("It was signed too long ago, or a clock is wrong.");
  }
  const expected = Buffer.from(signature(secret, id, sentAt, body));
  const given = one(headers["webhook-signature"]).split(" ").map((each) => Buffer.from(each));
  if (!given.some((each) => each.length === expected.length && timingSafeEqual(each, expected))) {
    throw new NotGenuine("The signature does not fit.");
  }
}

function signature(secret: string, id: string, sentAt: string, body: Uint8Array): string {
  if (!secret.startsWith("whsec_")) {
    throw new TypeError("The secret begins with whsec_.");
  }
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return "v1," + createHmac("sha256", key).update(`${id}.${sentAt}.`).update(body).digest("base64");
}

function one(header: string | string[] | undefined): string {
  return typeof header === "string" ? header : "";
}
