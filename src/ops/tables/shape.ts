/** The shape rule of every op: all that the edge needs to know of them. */
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
import type { ShapeFacet } from '../definition.js';
import type { OpName } from '../schema.js';

export const shapeTable: ShapeFacet<OpName> = {
  ...source.shape,
  ...elementwise.shape,
  ...special.shape,
  ...cast.shape,
  ...binary.shape,
  ...angle.shape,
  ...compare.shape,
  ...reduce.shape,
  ...scan.shape,
  ...sort.shape,
  ...linear.shape,
  ...recurrent.shape,
  ...attention.shape,
  ...conv.shape,
  ...depthwise.shape,
  ...pool.shape,
  ...averagePool.shape,
  ...move.shape,
  ...slice.shape,
  ...strided.shape,
  ...gather.shape,
  ...elements.shape,
  ...normalize.shape,
  ...loss.shape,
  ...random.shape,
  ...quantize.shape,
  ...optimizer.shape,
};
