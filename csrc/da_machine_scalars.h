/* Lane groups and scalar code (da_lanes.h) as machine code: what is plain arithmetic on few lanes becomes long functions without
 * a jump; the groups between them are run as before. The bits are the same. */
#ifndef DA_MACHINE_SCALARS_H
#define DA_MACHINE_SCALARS_H
#include "da_lanes.h"
#include "da_machine.h"

/* Groups that run one after the other, and the index lists that they use. `end`: filled in. */
typedef struct {
    const da_group *groups;
    int32_t n, end;
    const int32_t *lists;
} da_groups_part;

/* The groups of part k are groups[end of part k - 1 .. end of part k). */
typedef struct {
    da_machine_code code;
    da_group *groups;
    int32_t n_groups;
    int32_t n_joined; /* operations that run as machine code */
} da_joined_groups;

/* The bank on which they run, and what of it is read by others than these groups, in the end: a byte that is not 0. NULL: everything, at
 * any time. */
typedef struct {
    const da_scalar *scalars;
    int64_t size;
    const uint8_t *outside;
} da_joined_bank;

enum { DA_JOINED_SPILLS = 16 }; /* vectors that joined groups need at most */

/* Of groups that da_groups_check has verified. 0 when there is nothing to join, or that cannot be: then nothing is kept. */
int da_groups_join(da_joined_groups *out, da_groups_part *parts, int32_t n, const da_joined_bank *bank);
void da_joined_groups_free(da_joined_groups *joined);
#endif
