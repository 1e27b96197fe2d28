/** What stands above a column, and whether numbers are below it. */
export type Column = readonly [title: string, isNumber?: 'number'];

export function TableHead({ columns }: { readonly columns: readonly Column[] }) {
  return (
    <thead>
      <tr>
        {columns.map(([title, kind]) => (
          <th key={title} scope="col" class={kind ?? ''}>
            {title}
          </th>
        ))}
      </tr>
    </thead>
  );
}
