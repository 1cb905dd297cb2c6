// Fills the table of constants at [1024, 4096).

import { setupMath } from './math';
import { setupSpecial } from './special';
import { setupWinograd } from './winograd';

/** Called once by the host, before any run. */
export function setup(): void {
  setupMath();
  setupSpecial();
  setupWinograd();
}
