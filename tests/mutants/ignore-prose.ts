type Path = { isVariableDeclarator(): boolean; node: { id?: { name?: string } } }

const PROSE = /Docs$|^(DESCRIPTION|COLOURS|makeDocument|boundsOf|pageOf|reporting|startOf)$/

/** What a route says of itself in the OpenAPI document, and pages: data, which other tests hold to. */
export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'prose',
    value: {
      shouldIgnore: (path: Path) =>
        path.isVariableDeclarator() && PROSE.test(path.node.id?.name ?? '') ? 'prose' : undefined,
    },
  },
]
