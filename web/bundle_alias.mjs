// Packages that the page replaces by a file of its own, for the bundle and for its tests.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));

export const alias = { entities: join(web, 'src/markdown/entities.ts') };
