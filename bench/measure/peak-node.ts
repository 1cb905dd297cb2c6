/** The register loops as Node has them on its disk. */
import { readFileSync } from 'node:fs';
import { modulePath, type Simd } from '../../src/backend/wasm/modules-node.js';
import { Peak } from './peak.js';

export const peakOf = (simd: Simd): Peak => new Peak(new WebAssembly.Module(readFileSync(modulePath(`peak-${simd}`))));
