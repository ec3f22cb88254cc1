// A program that knows the API by its description alone: every path, parameter and answer below has its type from it.
import { readFile } from "node:fs/promises";
import type { operations, paths } from "./api.js";

type Claim = operations["claims_retrieve"]["responses"][200]["content"]["application/json"];
type Problem = { code: string; detail: string };
type Get<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;
type Query<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Asked } } }
  ? NonNullable<Asked>
  : never;

type Sent<Path extends keyof paths> = paths[Path] extends {
  post: { requestBody?: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;
type Posted<Path extends keyof paths> = paths[Path] extends {
  post: { responses: { 202: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;
type Upload = Get<"/uploads/{id}/">;
type NewUpload = operations["uploads_create"]["requestBody"]["content"]["multipart/form-data"];

const [base, email, password, file] = process.argv.slice(2) as [string, string, string, string];

class Client {
  private token = "";

  async signIn(body: operations["token_open"]["requestBody"]["content"]["application/json"]): Promise<string[]> {
    type Tokens = operations["token_open"]["responses"][200]["content"]["application/json"];
    const given = await this.send<Tokens>("POST", "/auth/token/", JSON.stringify(body));
    this.token = given.access;
    return given.customers.map((each) => each.name);
  }

  async get<Path extends keyof paths & string>(path: Path, query?: Query<Path>, id = ""): Promise<Get<Path>> {
    const asked = new URLSearchParams(Object.entries(query ?? {}).map(([name, value]) => [name, String(value)]));
    const address = path.replace("{id}", id) + (asked.size ? `?${asked}` : "");
    return this.send<Get<Path>>("GET", address);
  }

  async post<Path extends keyof paths & string>(path: Path, body: Sent<Path>): Promise<Posted<Path>> {
    return this.send<Posted<Path>>("POST", path, JSON.stringify(body));
  }

  async upload(name: string, content: string, about: Omit<NewUpload, "file">): Promise<Upload> {
    const form = new FormData();
    form.set("file", new Blob([content], { type: "text/csv" }), name);
    if (about.mapping) form.set("mapping", JSON.stringify(about.mapping));
    if (about.date_order) form.set("date_order", about.date_order);
    return this.send<Upload>("POST", "/uploads/", form);
  }

  /** Look four times a second until it is done. */
  async watch<Path extends keyof paths & string>(
    path: Path,
    id: string,
    done: (seen: Get<Path>) => boolean,
  ): Promise<Get<Path>> {
    for (let looks = 0; looks < 1200; looks += 1) {
      const seen = await this.get<Path>(path, undefined, id);
      if (done(seen)) return seen;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new Error(`${path} ${id} is not done yet`);
  }

  private async send<Body>(method: string, path: string, body?: string | FormData): Promise<Body> {
    const headers: Record<string, string> = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    const answer = await fetch(`${base}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    if (!answer.ok) {
      const problem = (await answer.json()) as Problem;
      throw new Error(`${method} ${path}: ${answer.status} ${problem.code}`);
    }
    return (await answer.json()) as Body;
  }
}

const client = new Client();
await client.signIn({ email, password, code: "", customer: null });
const me = await client.get("/me/");
const sent = await client.upload("claims.csv", await readFile(file, "utf8"), { date_order: "mdy" });
const loaded = await client.watch("/uploads/{id}/", sent.id, (seen) => seen.loaded_at !== null && !seen.detection_due);
const asked = await client.post("/drift-runs/", { as_of: null });
const run = await client.watch("/drift-runs/{id}/", asked.id, (seen) => seen.ended_at !== null);
const claims = await client.get("/claims/", { outcome: "denied", page_size: 5 });
const first = claims.results[0];
const claim: Claim | null = first ? await client.get("/claims/{id}/", undefined, first.id) : null;
const events = await client.get("/drift-events/", { status: "open" });
const event = events.results[0];
const behind = event ? await client.get("/drift-events/{id}/claims/", { page_size: 1 }, event.id) : null;
const dashboard = await client.get("/dashboard/");
const uploads = await client.get("/uploads/");
const refused = await client.get("/claims/{id}/", undefined, "clm_999999999").catch((error: Error) => error.message);

console.log(
  JSON.stringify({
    who: me.kind,
    claims: claims.results.length,
    loaded: [loaded.state, loaded.accepted],
    run: [run.state, run.same_as === null],
    behind: behind?.results.length ?? 0,
    top: dashboard.top_events.map((each) => each.id),
    outcome: claim?.outcome ?? null,
    events: events.results.map((each) => each.id),
    uploads: uploads.results.map((each) => each.id),
    refused,
  }),
);
