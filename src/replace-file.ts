import { randomBytes } from 'node:crypto';
import { chmod, chown, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Puts `text` where a file is, or is to be, at once: whoever reads it, also after a crash, finds the old text or the new one, whole. Resolves
 * when it is on the disk; rejects as `fs` does, and it is as it was.
 */
export async function replaceFile(
  target: string,
  text: string,
  { mode, owner }: { readonly mode: number; readonly owner?: { readonly uid: number; readonly gid: number } },
): Promise<void> {
  // Only a name in the same folder can be renamed to it, and only if nobody can have put something else there before.
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  let isLeft = true;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(temporary, mode & 0o7777);
    // Only root may give files away; for the others it is theirs already, or a file that they share.
    if (owner !== undefined) await chown(temporary, owner.uid, owner.gid).catch(() => {});
    await rename(temporary, target);
    isLeft = false;
    await syncFolder(dirname(target));
  } finally {
    if (isLeft) await rm(temporary, { force: true });
  }
}

/** The new name lasts only once its folder is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
