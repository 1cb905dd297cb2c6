/** Every op by its definition, in float64. */
import * as attention from '../attention.js';
import * as angle from '../angle.js';
import * as averagePool from '../average-pool.js';
import * as binary from '../binary.js';
import * as cast from '../cast.js';
import * as compare from '../compare.js';
import * as conv from '../conv.js';
import * as depthwise from '../depthwise.js';
import * as elements from '../elements.js';
import * as elementwise from '../elementwise.js';
import * as gather from '../gather.js';
import * as linear from '../linear.js';
import * as loss from '../loss.js';
import * as move from '../move.js';
import * as normalize from '../normalize.js';
import * as optimizer from '../optimizer.js';
import * as pool from '../pool.js';
import * as quantize from '../quantize.js';
import * as random from '../random.js';
import * as recurrent from '../recurrent.js';
import * as reduce from '../reduce.js';
import * as scan from '../scan.js';
import * as slice from '../slice.js';
import * as sort from '../sort.js';
import * as source from '../source.js';
import * as special from '../special.js';
import * as strided from '../strided.js';
import type { ReferenceFacet } from '../definition.js';
import type { OpName } from '../schema.js';

export const referenceTable: ReferenceFacet<OpName> = {
  ...source.reference,
  ...elementwise.reference,
  ...special.reference,
  ...cast.reference,
  ...binary.reference,
  ...angle.reference,
  ...compare.reference,
  ...reduce.reference,
  ...scan.reference,
  ...sort.reference,
  ...linear.reference,
  ...recurrent.reference,
  ...attention.reference,
  ...conv.reference,
  ...depthwise.reference,
  ...pool.reference,
  ...averagePool.reference,
  ...move.reference,
  ...slice.reference,
  ...strided.reference,
  ...gather.reference,
  ...elements.reference,
  ...normalize.reference,
  ...loss.reference,
  ...random.reference,
  ...quantize.reference,
  ...optimizer.reference,
};
