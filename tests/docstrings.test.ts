/**
 * Every public name has a docstring, and the links in docstrings lead somewhere. Options say what each of them is; the
 * function that takes them says the rest.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entries = ['src/index.ts', 'edge/index.ts', 'edge/executor.ts'].map((path) => `${root}${path}`);
const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile) as { readonly config: object };
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram(entries, options);
const checker = program.getTypeChecker();

/** The names that a module exports, those of its namespaces too, that say nothing of themselves. */
function undocumented(module: ts.Symbol, prefix = ''): string[] {
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const name = `${prefix}${exported.name}`;
    if (symbol.flags & ts.SymbolFlags.ValueModule) return undocumented(symbol, `${name}.`);
    const said = (each: ts.Symbol): boolean => each.getDocumentationComment(checker).length > 0;
    if (said(symbol)) return [];
    const members = [...(symbol.members?.values() ?? [])];
    if (!/Options$/.test(name) || members.length === 0) return [`${name} (${fileOf(symbol)})`];
    return members.filter((each) => !said(each)).map((each) => `${name}.${each.name} (${fileOf(symbol)})`);
  });
}

const fileOf = (symbol: ts.Symbol): string =>
  symbol.declarations?.[0]?.getSourceFile().fileName.slice(root.length) ?? '?';

for (const path of entries) {
  test(`every name that ${path.slice(root.length)} exports has a docstring`, () => {
    const file = program.getSourceFile(path);
    const module = file && checker.getSymbolAtLocation(file);
    assert.ok(module && checker.getExportsOfModule(module).length > 10);
    assert.equal(undocumented(module), []);
  });
}

test('the reference is made without a warning', () => {
  const args = ['node_modules/typedoc/bin/typedoc', '--emit', 'none'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.is(status, 0, `${stdout}${stderr}`);
});

test.run();
