/**
 * TypeBox as it is used here. It is 680 small files, and reading them took a second of CPU at each start: the build puts one file of it all
 * in the place of what this is compiled to (`src/setup.mjs`). Types come from `typebox` itself.
 */
export { default as Type } from 'typebox';
export { Settings } from 'typebox/system';
export { default as Value } from 'typebox/value';
