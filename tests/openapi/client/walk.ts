// A program that knows the API by its description alone: every path, parameter and answer below has its type from it.
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

const [base, email, password] = process.argv.slice(2) as [string, string, string];

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

  private async send<Body>(method: string, path: string, body?: string): Promise<Body> {
    const headers: Record<string, string> = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
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
const claims = await client.get("/claims/", { outcome: "denied", page_size: 5 });
const first = claims.results[0];
const claim: Claim | null = first ? await client.get("/claims/{id}/", undefined, first.id) : null;
const events = await client.get("/drift-events/", { status: "open" });
const uploads = await client.get("/uploads/");
const refused = await client.get("/claims/{id}/", undefined, "clm_999999999").catch((error: Error) => error.message);

console.log(
  JSON.stringify({
    who: me.kind,
    claims: claims.results.length,
    outcome: claim?.outcome ?? null,
    events: events.results.map((each) => each.sentence),
    uploads: uploads.results.map((each) => each.id),
    refused,
  }),
);
