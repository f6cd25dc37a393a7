/** `npm run guests`: builds every test guest, or those named, and replaces what is committed. */

import { writeFileSync } from 'node:fs';
import { build, imageFile, images, recordCompiler } from './build.ts';

const only = process.argv.slice(2);
for (const image of images()) {
  if (only.length > 0 && !only.includes(image.guest)) {
    continue;
  }
  const bytes = build(image);
  writeFileSync(imageFile(image), bytes);
  console.log(`${image.guest}/${image.variant}.elf: ${bytes.length} bytes`);
}
recordCompiler();
