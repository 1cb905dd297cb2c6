/** Holds the import lines of src/, edge/ and assembly/ against the house of ARCHITECTURE.md: imports run one way. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Every room of src/ and the rooms that it may import, in an order in which each imports only rooms above it. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ops: ['core'],
  graph: ['core', 'ops'],
  format: ['core', 'ops', 'graph'],
  backend: ['core', 'ops', 'graph', 'format'],
  data: ['core', 'format'],
  nn: ['core', 'ops', 'graph'],
  train: ['core', 'ops', 'graph', 'nn', 'format', 'backend', 'data'],
  compress: ['core', 'ops', 'graph', 'nn', 'format', 'backend', 'data', 'train'],
  report: ['core', 'graph', 'format', 'backend', 'train'],
  models: ['core', 'ops', 'graph', 'nn', 'format', 'backend', 'data', 'train', 'compress'],
  cli: ['core', 'ops', 'graph', 'nn', 'format', 'backend', 'data', 'train', 'compress', 'report', 'models', 'edge'],
};

/** What the edge may import: the wasm backend, the model file, and what those are made of. */
const edge = ['core', 'ops', 'graph', 'format', 'backend'];

/** What ops the rooms that only run graphs may know: names, attributes, types, shapes and their rules. */
const opsForRunning = /^src\/ops\/(schema|tensor|definition|rules|tables\/shape)\.ts$/;

/** Files that import node's own modules; everything else runs wherever JavaScript does. */
const nodeFiles = [
  /^src\/(cli|models)\//,
  /^src\/backend\/wasm\/(backend|[a-z-]+-node)\.ts$/,
  /^src\/format\/file\.ts$/,
  /^src\/report\/environment-node\.ts$/,
  /^src\/data\/(iris|mnist|zip|images\/folder|prefetch-(worker-)?node)\.ts$/,
  /^edge\/(build|built|node|page|workerd)\.ts$/,
];

/** Files that import packages. The build takes those of a `vendor.ts` in, so that nothing that ships depends on any. */
const packages: Readonly<Record<string, readonly string[]>> = {
  'src/cli/vendor.ts': ['commander'],
  'src/data/images/vendor.ts': ['fast-png', 'jpeg-js'],
  'src/report/vendor.ts': ['fast-png'],
  'src/train/vendor.ts': ['cli-progress'],
};

/** Where what runs on the edge starts, and what it must never reach. */
const edgeEntries = ['edge/handler.ts', 'edge/cloudflare.ts', 'edge/index.ts', 'edge/executor.ts'];
const neverOnTheEdge = [
  /^src\/(nn|train|compress|data|report|models|cli)\//,
  /^src\/backend\/reference\//,
  /^src\/graph\/(autodiff|trace|builder|inline|print)\.ts$/,
  /^src\/ops\/tables\/(gradient|reference|cost|cases)\.ts$/,
  /^node:/,
];

interface Import {
  /** A path from the root, or what the line says where it is not relative. */
  readonly target: string;
  readonly isType: boolean;
}

const imports = new Map<string, readonly Import[]>(
  ['src', 'edge', 'assembly'].flatMap(filesOf).map((file) => [file, importsOf(file)]),
);

const roomOf = (file: string): string =>
  file.startsWith('src/') ? (file.split('/')[1] ?? '') : (file.split('/')[0] ?? '');
const isRelative = (target: string): boolean => /^(src|edge|assembly|tests|bench|scripts|dist)\//.test(target);
const isBarrel = (file: string): boolean => file === 'src/index.ts';

test('there are import lines to look at', () => {
  assert.ok(imports.size > 60);
  assert.ok([...imports.values()].flat().length > 300);
  for (const [file, lines] of imports) {
    for (const { target } of lines) {
      if (/^(src|edge|assembly)\/.*\.ts$/.test(target) && !target.includes('/generated/')) {
        assert.ok(imports.has(target), `${file} imports ${target}, which is no file`);
      }
    }
  }
});

test('rooms are in an order', () => {
  const order = Object.keys(rooms);
  for (const [room, allowed] of Object.entries(rooms)) {
    const late = allowed.filter((other) => other !== 'edge' && order.indexOf(other) >= order.indexOf(room));
    assert.equal(late, [], room);
  }
});

test('imports between rooms run one way', () => {
  const wrong = eachImport((file, { target }) => {
    const [from, to] = [roomOf(file), roomOf(target)];
    if (!isRelative(target) || isBarrel(file) || from === to) return false;
    const allowed = from === 'edge' ? edge : from === 'assembly' ? [] : rooms[from];
    return !allowed?.includes(to);
  });
  assert.equal(wrong, []);
});

test('no room imports through a barrel', () => {
  assert.equal(
    eachImport((_, { target }) => isRelative(target) && /(^|\/)index\.ts$/.test(target)),
    [],
  );
});

test('formats and backends know of ops only what running a graph takes', () => {
  const wrong = eachImport((file, { target, isType }) => {
    if (!/^src\/(format|backend)\//.test(file) || roomOf(target) !== 'ops' || isType) return false;
    if (/^src\/backend\/reference\//.test(file) && target === 'src/ops/tables/reference.ts') return false;
    if (/^src\/backend\/wasm\/lower\//.test(file) && target === 'src/ops/conv.ts') return false;
    return !opsForRunning.test(target);
  });
  assert.equal(wrong, []);
});

test('backends never know gradients', () => {
  for (const file of reachable(filesOf('src/backend'))) {
    assert.not.match(file, /^src\/(graph\/autodiff|ops\/tables\/gradient)\.ts$/);
  }
});

test('what ships to the edge is an executor and a file', () => {
  const reached = reachable(edgeEntries);
  assert.ok(reached.has('src/backend/wasm/executable.ts'));
  for (const file of reached) for (const pattern of neverOnTheEdge) assert.not.match(file, pattern);
});

test('files import one another without cycles', () => {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    assert.is.not(state.get(file), 'open', `a cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    state.set(file, 'open');
    for (const { target, isType } of imports.get(file) ?? []) if (!isType) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of imports.keys()) visit(file, []);
});

test("node's modules are imported only where the file says so", () => {
  const wrong = eachImport(
    (file, { target }) => target.startsWith('node:') && !nodeFiles.some((each) => each.test(file)),
  );
  assert.equal(wrong, []);
});

test('packages are imported only where the list says so', () => {
  const wrong = eachImport((file, { target, isType }) => {
    if (isType || isRelative(target) || target.startsWith('node:') || /\.(wasm|bin|html)$/.test(target)) return false;
    return !packages[file]?.includes(target);
  });
  assert.equal(wrong, []);
});

test.run();

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((name) => name.endsWith('.ts') && !name.includes('/generated/'));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm);
  const calls = text.matchAll(/\bimport\('([^']+)'\)/g);
  const found = [
    ...[...statements].map(([, type, target]) => ({ target: target ?? '', isType: type !== undefined })),
    ...[...calls].map(([, target]) => ({ target: target ?? '', isType: false })),
  ];
  return found.map(({ target, isType }) => ({ target: resolved(file, target), isType }));
}

function resolved(file: string, target: string): string {
  if (!target.startsWith('.')) return target;
  const path = posix.join(posix.dirname(file), target);
  if (file.startsWith('assembly/')) return `${path}.ts`;
  return path.replace(/\.js$/, '.ts');
}

function eachImport(isWrong: (file: string, line: Import) => boolean): string[] {
  return [...imports].flatMap(([file, lines]) =>
    lines.filter((line) => isWrong(file, line)).map(({ target }) => `${file} imports ${target}`),
  );
}

/** The files that importing `entries` runs. */
function reachable(entries: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { target, isType } of imports.get(file) ?? []) if (!isType) visit(target);
  };
  entries.forEach(visit);
  return reached;
}
