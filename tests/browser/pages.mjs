// Makes the pages once, from the code as it stands, and opens them in a browser that has no network.
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const root = new URL("../..", import.meta.url).pathname;

/** A folder of pages: given, or made by the crate's example. */
export function makePages() {
  if (process.env.DYNO_PAGES) return process.env.DYNO_PAGES;
  const folder = mkdtempSync(join(tmpdir(), "dyno-pages-"));
  const command = ["run", "--quiet", "--release", "-p", "dyno-reports", "--example", "pages", "--", folder];
  execFileSync("cargo", command, { cwd: root, stdio: "inherit" });
  return folder;
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.DYNO_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
}

/** Opens a page and keeps a list of everything it should not have done. */
export async function open(browser, folder, name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith("file://") || !request.isNavigationRequest()) faults.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
  return { page, faults, close: () => context.close() };
}
