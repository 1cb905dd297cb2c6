/** The cases of every op: conformance, gradient check, benchmark and support matrix. */
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
import type { CasesFacet } from '../definition.js';
import type { OpName } from '../schema.js';

export const casesTable: CasesFacet<OpName> = {
  ...source.cases,
  ...elementwise.cases,
  ...special.cases,
  ...cast.cases,
  ...binary.cases,
  ...angle.cases,
  ...compare.cases,
  ...reduce.cases,
  ...scan.cases,
  ...sort.cases,
  ...linear.cases,
  ...recurrent.cases,
  ...attention.cases,
  ...conv.cases,
  ...depthwise.cases,
  ...pool.cases,
  ...averagePool.cases,
  ...move.cases,
  ...slice.cases,
  ...strided.cases,
  ...gather.cases,
  ...elements.cases,
  ...normalize.cases,
  ...loss.cases,
  ...random.cases,
  ...quantize.cases,
  ...optimizer.cases,
};
