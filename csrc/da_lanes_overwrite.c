/* Results over arguments: which stored operand may take the place of a loaded one, as its elements are read before they are written. An
 * operation writes what is stored at its own turn, and later ones may still read the argument where it stands. */
#include "da_lanes_private.h"
#include <stdlib.h>
#include <string.h>

/* Notes when slots are read last, or written. Places count twice: sech2 of a pair is written before all of the operand is read. */
static void note_uses(const da_lanes *l, const int32_t *place, int reads, int32_t *when) {
    for (int32_t k = 0; k < l->n_insts; k++) {
        const da_inst *i = &l->insts[k];
        int32_t at = 2 * (place ? place[k] : k), both = i->code == DA_L_BOTH, slots[3] = {i->a, i->b, i->c};
        if (!reads) {
            if (i->code < DA_L_VALUES || both) when[i->d] = at - both;
            if (both) when[i->b] = at - 1;
            continue;
        }
        for (int n = 0; n < da_slots_read(i); n++)
            if (when[slots[n]] < at) when[slots[n]] = at;
    }
}

void da_note_ranks(da_lanes *l, const int32_t *place) {
    size_t slots = (size_t)(da_first_named(l) + l->n_named);
    int32_t *when = malloc((slots + 1) * sizeof *when);
    for (int reads = 1; reads >= 0; reads--) {
        if (when) memset(when, 0, slots * sizeof *when), note_uses(l, place, reads, when);
        for (int32_t k = 0; k < l->n_moves; k++) {
            const da_inst *i = &l->insts[l->moves[k]];
            int32_t own = 2 * (place ? place[l->moves[k]] : l->moves[k]);
            if ((i->code == DA_L_LOAD) != reads) continue;
            int32_t rank = !when ? (reads ? INT32_MAX : 0) : i->d == DA_NO_SLOT ? own : when[i->d];
            if (!reads || rank > l->ranks[i->operand]) l->ranks[i->operand] = rank; /* an operand may be loaded twice */
        }
    }
    free(when);
}

int da_lanes_may_overwrite(const da_lanes *l, int32_t loaded, int32_t stored) { return l->ranks[loaded] <= l->ranks[stored]; }
