/** `quern inspect`: what is in a model file, and the memory that it takes. */
import { chooseModule, compileModule } from '../../backend/wasm/modules-node.js';
import { openModel } from '../../backend/wasm/open.js';
import { bytesPerElement } from '../../core/dtype.js';
import { sizeOf } from '../../core/ndarray.js';
import { mapNamed } from '../../core/tree.js';
import { loadFile } from '../../format/file.js';
import { printProgram } from '../../graph/print.js';
import { jsonOption } from '../options.js';
import { bytes, outputOf, table } from '../output.js';
import type { Command } from '../vendor.js';

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('print the graphs and variables of a model file, its size and the memory that it runs in')
    .argument('<file>', 'a model file')
    .addOption(jsonOption())
    .action(inspect);
}

async function inspect(path: string, { json }: { readonly json?: boolean }): Promise<void> {
  const file = loadFile(path);
  const module = compileModule(chooseModule('infer'), false);
  const { program, assets, executable } = await openModel(file, { module });
  const { peakBytes, description } = executable.stats();
  executable.close();
  const variables = mapNamed(program.variables, ({ dtype, shape, scope }) => {
    return { dtype, shape, scope, bytes: sizeOf(shape) * bytesPerElement[dtype] };
  });
  const parameters = Object.values(variables).reduce((total, { shape }) => total + sizeOf(shape), 0);
  const weightBytes = Object.values(variables).reduce((total, variable) => total + variable.bytes, 0);
  const summary = {
    fileBytes: file.length,
    weightBytes,
    peakBytes,
    parameters,
    engine: description,
    symbols: mapNamed(program.symbols, ({ max }) => max),
    assets: [...assets.keys()],
    variables,
    graphs: mapNamed(program.graphs, ({ inputs, outputs, nodes }) => {
      return { inputs: Object.keys(inputs), outputs: Object.keys(outputs), ops: nodes.map(({ op }) => op) };
    }),
  };
  const numbers = table([
    ['file', bytes(file.length)],
    ['variables', bytes(weightBytes)],
    ['numbers in them', parameters.toLocaleString('en-US')],
    ['peak memory at the bounds', bytes(peakBytes)],
    ['assets', [...assets.keys()].join(', ') || 'none'],
  ]);
  outputOf(json).result(summary, `${printProgram(program)}\n\n${numbers}`);
}
