/* What the files share that join lane groups and scalar code (da_machine_scalars.h): operations on values, and what is known of the
 * bank. */
#ifndef DA_MACHINE_JOINER_H
#define DA_MACHINE_JOINER_H
#include "da_machine_scalars.h"

enum { DA_NOBODY = -1, DA_KNOWN_CONSTANTS = 64 };

/* By position of the bank. one, two, whole, splat: the value of this form that begins there. */
typedef struct {
    int32_t one, two, whole, splat;
    int32_t maker;   /* the value that was stored there last */
    int32_t written; /* when */
} da_cell;

/* A group, and an instruction in it if it is scalar code. */
typedef struct {
    int32_t group, at;
} da_group_cursor;

typedef struct {
    const da_groups_part *part;
    const da_scalar *scalars;
    const uint8_t *outside;
    da_cell *cells;
    da_machine_op *ops;
    da_machine_value *values;
    int32_t *since; /* when a value was made, or read first */
    double *constants;
    da_stretch *stretches;
    da_group *groups;
    int32_t n_ops, n_values, n_constants, n_stretches, n_groups;
    int32_t room_ops, room_values, room_constants, room_stretches, room_groups;
    int32_t known[DA_KNOWN_CONSTANTS]; /* values of constants, by their bits */
    int32_t clock, start;              /* now; when the stretch began */
    int32_t first_op, lanes;           /* of the stretch */
    da_group_cursor first;             /* of the stretch */
    int32_t n_joined;
    int32_t first_group; /* of the part */
    int32_t most_lanes;  /* of a group */
    int open, failed;
} da_joiner;

/* Four lanes or fewer of an operand: a number, or places in the bank or a buffer. */
typedef struct {
    double number;
    int32_t is_number, same; /* same: one place for all */
    int32_t buffer, at[DA_PACK];
} da_lanes_at;

static inline int da_form_width(da_form form) { return form == DA_FORM_WHOLE ? DA_PACK : form == DA_FORM_TWO ? 2 : 1; }

/* Whether there is room for the operations and values of four lanes, a group and a stretch. */
int da_joiner_has_room(da_joiner *j);
int32_t da_new_value(da_joiner *j, da_kept kept, int32_t buffer, int32_t at, da_form form);
int32_t da_new_op(da_joiner *j, int code, da_form form, int immediate, int32_t d, int32_t x, int32_t y, int32_t z); /* d */
/* The value of an operand, if need be put together by operations. */
int32_t da_joined_operand(da_joiner *j, const da_lanes_at *l, da_form form);
/* Somebody reads positions from memory. */
void da_note_read(da_joiner *j, int32_t at, int width);
#endif
