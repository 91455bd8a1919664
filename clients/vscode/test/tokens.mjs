// Cuts the example statements into tokens with the grammar for editors, as VS Code does, and looks at what they are called.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const require = createRequire(import.meta.url);
const here = (path) => new URL(path, import.meta.url);
const wasm = readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
const grammars = { "source.eql": "../syntaxes/eql.tmLanguage.json", "markdown.eql.codeblock": "../syntaxes/eql.markdown.json" };
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async (scope) => textmate.parseRawGrammar(readFileSync(here(grammars[scope]), "utf8"), "grammar.json"),
});
const grammar = await registry.loadGrammar("source.eql");

// The tokens of a text: [words, innermost scope].
function tokens(text, with_grammar = grammar) {
  let stack = textmate.INITIAL;
  const all = [];
  for (const line of text.split("\n")) {
    const found = with_grammar.tokenizeLine(line, stack);
    stack = found.ruleStack;
    all.push(...found.tokens.map((t) => [line.slice(t.startIndex, t.endIndex), t.scopes.at(-1)]));
  }
  return all;
}

const scope = (text, word) => tokens(text).find(([words]) => words === word)?.[1];
let passed = 0;
const failed = [];
function check(what, is, wanted) {
  if (is === wanted) passed += 1;
  else failed.push(`${what}: ${is}, not ${wanted}`);
}

const examples = readFileSync(here("../../../grammar/tests/fixtures/examples.eql"), "utf8");
const keywords = [...readFileSync(here("../../../grammar/eql.pest"), "utf8").matchAll(/^kw_\w+\s*=\s*@\{ \^"(\w+)"/gm)].map((m) => m[1].toUpperCase());
const known = new Set(keywords);
const cut = tokens(examples);
check("every letter is in a token", cut.map(([words]) => words).join(""), examples.replaceAll("\n", ""));

// Upper-case keywords of the language stand in no token without a colour, and in no string.
const plain = cut.filter(([, name]) => name === "source.eql").flatMap(([words]) => words.match(/[$.]?[A-Z]+\b/g) ?? []);
check("keywords without a colour", plain.filter((word) => known.has(word)).join(" "), "");
for (const word of keywords) check(`keyword ${word}`, /^(keyword|storage|constant)/.test(scope(`FIND x ${word} y`, word) ?? ""), true);

check("head", scope("FIND user", "FIND"), "keyword.control.eql");
check("head in lower case", scope("find user", "find"), "keyword.control.eql");
check("text", scope("a = 'it''s' AND", "s"), "string.quoted.single.eql");
check("escape", scope("a = 'it''s'", "''"), "constant.character.escape.eql");
check("quoted name", scope("DID `Add to cart!`", "Add to cart!"), "variable.other.quoted.eql");
check("preset", scope("$city = 1", "$city"), "variable.other.preset.eql");
check("parameter", scope("a = :cat", ":cat"), "variable.parameter.eql");
check("position", scope("a = $1", "$1"), "variable.parameter.eql");
check("cast", scope("a::INT", "::"), "keyword.operator.eql");
check("type", scope("a::INT", "INT"), "storage.type.eql");
check("comment", scope("FIND user -- WHERE", " WHERE"), "comment.line.double-dash.eql");
check("unit", scope("WITHIN 30 minutes", "minutes"), "keyword.other.unit.eql");
check("range", scope("DURING last 30 days", "last"), "keyword.other.range.eql");
check("function", scope("WHERE count(purchase)", "count"), "support.function.eql");
check("property called like a keyword", scope("WHERE purchase.time > 1", "time") ?? "source.eql", "source.eql");
check("lower-case name", scope("FIND user WHERE day = 1", "day") ?? "source.eql", "source.eql");
check("no function", scope("WHERE a IN (1)", "IN"), "keyword.other.eql");
check("Chinese function", scope("计数(支付)", "计数"), "support.function.eql");

const markdown = await registry.loadGrammar("markdown.eql.codeblock");
check("markdown", tokens("```eql\nFIND user\n```", markdown).find(([words]) => words === "FIND")?.[1], "keyword.control.eql");

for (const line of failed) console.error(line);
console.log(`${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
