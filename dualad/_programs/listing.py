def listing(p): return ''
def guard_lines(parts): return [*parts["guard_lines"], *[line for _, _, line in parts["guard_arrays"]]]
