// What Dyno writes is what its published schemas say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Draft7 from "ajv";
import Ajv from "ajv/dist/2020.js";
import { makePages } from "./pages.mjs";

const folder = makePages();
const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const schema = (name) => read(new URL(`../../reports/schema/${name}.schema.json`, import.meta.url).pathname);

function check(name, values) {
  const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true }).compile(schema(name));
  for (const value of values) {
    validate(value);
    assert.deepEqual((validate.errors ?? []).slice(0, 5), [], name);
  }
  return validate;
}

test("manifests", () => {
  const manifest = read(join(folder, "manifest.json"));
  const validate = check("manifest", [manifest]);
  assert.equal(validate({ ...manifest, status: "done" }), false);
  assert.equal(validate({ ...manifest, more: 1 }), false);
});

test("events", () => {
  const validate = check("event", read(join(folder, "events.json")));
  assert.equal(validate({ seq: 0, body: { event: "unheard-of" } }), false);
});

test("verdicts", () => {
  const verdicts = read(join(folder, "verdicts.json"));
  const validate = check("verdicts", [verdicts]);
  assert.equal(validate([{ ...verdicts[0], verdict: "maybe" }]), false);
});

test("exports", () => {
  check("export", [read(join(folder, "export.json"))]);
});

/** Schemas of others are of an older draft; formats such as `uri` are left to their own checkers. */
function checkPublished(name, value) {
  const path = new URL(`../../reports/tests/published/${name}.schema.json`, import.meta.url).pathname;
  const validate = new Draft7({ strict: false, allErrors: true, validateFormats: false }).compile(read(path));
  validate(value);
  assert.deepEqual((validate.errors ?? []).slice(0, 5), [], name);
  return validate;
}

test("the gate as SARIF", () => {
  const sarif = read(join(folder, "gate.sarif.json"));
  assert.ok(sarif.runs[0].results.length > 1);
  const validate = checkPublished("sarif-2.1.0", sarif);
  assert.equal(validate({ ...sarif, runs: [{}] }), false);
});

test("the gate as GitLab code quality", () => {
  const issues = read(join(folder, "gate.gitlab.json"));
  assert.ok(issues.length > 1);
  const validate = checkPublished("gitlab-code-quality", issues);
  assert.equal(validate([{ ...issues[0], severity: "bad" }]), false);
});
