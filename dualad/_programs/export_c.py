def exported(p, name): return ''
