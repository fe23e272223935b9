// The report as a person meets it: reading, sorting, filtering, the keyboard, a phone, the dark, paper.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, makePages, open } from "./pages.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const NAMES = ["ordinary", "hostile", "large", "empty", "compared", "trends", "index"];
let browser;
let folder;

before(async () => {
  folder = makePages();
  browser = await launch();
});
after(() => browser?.close());

async function seriousFaults(page) {
  // Injected by the test from outside; the page's own policy forbids every script but one.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter((fault) => ["serious", "critical"].includes(fault.impact))
    .map((fault) => `${fault.id}: ${fault.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

for (const name of NAMES) {
  test(`${name}: no fault, no request, nothing of the data runs`, async () => {
    const { page, faults, close } = await open(browser, folder, name);
    await page.waitForLoadState("load");
    assert.equal(await page.evaluate(() => globalThis.broken), undefined);
    assert.equal(await page.locator("img, iframe, object, embed, link, base, form").count(), 0);
    const runnable = await page.evaluate(
      () => [...document.scripts].filter((script) => script.type !== "application/json").length,
    );
    assert.equal(runnable, 1);
    assert.deepEqual(faults, []);
    await close();
  });
}

for (const colorScheme of ["light", "dark"]) {
  for (const name of ["ordinary", "hostile", "compared", "trends", "index"]) {
    test(`${name}, ${colorScheme}: axe-core finds no serious fault`, async () => {
      const { page, close } = await open(browser, folder, name, { colorScheme, bypassCSP: true });
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
      assert.deepEqual(await seriousFaults(page), []);
      await close();
    });
  }
}

test("a click on a header sorts by number, and again the other way", async () => {
  const { page, faults, close } = await open(browser, folder, "ordinary");
  const table = page.locator("#third-party");
  const header = table.getByRole("button", { name: /Rows/ });
  const values = async () => (await table.locator("tbody tr td:nth-child(7)").allInnerTexts()).map(Number);
  await header.click();
  const up = await values();
  assert.ok(up.length > 5);
  assert.deepEqual(up, up.toSorted((a, b) => a - b));
  assert.equal(await table.locator("th[aria-sort=ascending]").count(), 1);
  await header.click();
  assert.deepEqual(await values(), up.toReversed().toSorted((a, b) => b - a));
  assert.deepEqual(faults, []);
  await close();
});

test("filtering ten thousand trials is quick and finds the right ones", async () => {
  const { page, faults, close } = await open(browser, folder, "large");
  const trials = page.locator("#trials");
  assert.match(await trials.locator("output").innerText(), /of 10000$/);
  assert.ok((await trials.locator("tbody tr").count()) <= 100);
  await trials.getByLabel("Filter").fill("tiny-5m timed failed");
  await trials.getByLabel("Filter").fill("tiny-5m failed");
  const rows = await trials.locator("tbody tr").allInnerTexts();
  assert.ok(rows.length > 3);
  assert.ok(rows.every((row) => row.includes("tiny-5m") && row.includes("failed")));
  await trials.getByLabel("Filter").fill("");
  await trials.getByRole("button", { name: "Next" }).click();
  assert.match(await trials.locator("output").innerText(), /^101 to 200 /);
  assert.deepEqual(faults, []);
  await close();
});

test("the keyboard alone reaches and opens things", async () => {
  const { page, close } = await open(browser, folder, "ordinary");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  const summary = page.locator(".card details summary").first();
  await summary.focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".card details").first().evaluate((details) => details.open), true);
  const sort = page.locator("#third-party th button").first();
  await sort.focus();
  await page.keyboard.press("Space");
  assert.equal(await page.locator("#third-party th[aria-sort]").count(), 1);
  await close();
});

test("a number leads to how it came about, and from there to its trial and events", async () => {
  const { page, close } = await open(browser, folder, "ordinary");
  await page.locator("#measured-speed-1 td.n a").first().click();
  const number = page.locator(":target");
  await number.waitFor({ state: "visible" });
  await number.locator(".samples a").first().click();
  const trial = page.locator(":target");
  await trial.waitFor({ state: "visible" });
  assert.match(await trial.getByRole("link", { name: /events\.jsonl/ }).getAttribute("href"), /^\.\.\/events\.jsonl#L\d+-L\d+$/);
  await close();
});

test("the theme follows the system and can be switched", async () => {
  const { page, close } = await open(browser, folder, "ordinary", { colorScheme: "dark" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: /light and dark/ }).click();
  const light = await ground();
  assert.notEqual(dark, light);
  await page.getByRole("button", { name: /light and dark/ }).click();
  assert.equal(await ground(), dark);
  await close();
});

test("a phone's screen is wide enough for everything but tables and charts, which scroll alone", async () => {
  for (const name of NAMES) {
    const { page, close } = await open(browser, folder, name, { viewport: { width: 375, height: 740 }, isMobile: true });
    const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(content <= screen, `${name}: ${content} px on a screen of ${screen} px`);
    await close();
  }
});

test("without script everything can still be read", async () => {
  const { page, close } = await open(browser, folder, "ordinary", { javaScriptEnabled: false });
  assert.ok((await page.locator(".card").count()) >= 2);
  assert.ok((await page.locator("#trials tbody tr").count()) > 10);
  await page.locator(".card details summary").first().click();
  assert.ok(await page.locator(".card details pre").first().isVisible());
  await close();
});

test("on paper the verdicts are open and the controls are gone", async () => {
  const { page, close } = await open(browser, folder, "ordinary");
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("nav").isVisible(), false);
  assert.ok(await page.locator(".card details pre").first().isVisible());
  await close();
});
