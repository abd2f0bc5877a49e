# What csrc provides to the replay of programs.

cdef extern from "da_ops.h" nogil:
    enum: DA_EXACT, DA_N_OPS, DA_INPUT, DA_ELEM, DA_ARRAY, DA_add, DA_copy
    ctypedef struct da_op_info:
        const char *name
        int arity, flags
    const da_op_info *da_ops
    void da_ops_init()

cdef extern from "da_tape.h" nogil:
    enum: DA_A_CONST, DA_B_CONST, DA_F32
    ctypedef struct da_node:
        double v, c
        uint32_t a, b
        uint16_t op, flags
        uint32_t aux

cdef extern from "da_machine.h" nogil:
    int da_machine_works()
    ctypedef struct da_machine_code:
        pass

cdef extern from "da_lanes.h" nogil:
    enum: DA_L_VALUES, DA_L_LOAD, DA_L_STORE, DA_L_REDUCE, DA_L_SCALARS, DA_L_F32, DA_L_PACK, DA_L_GATHERED, DA_L_CHAINED, DA_PACK, DA_L_AND, DA_L_OR, DA_L_NOT, DA_L_SAME, DA_L_SELECT
    enum: DA_L_MULADD, DA_L_MULSUB, DA_L_NMULADD, DA_L_ADDMUL, DA_L_SUBMUL, DA_L_MULMUL, DA_L_SMULADD, DA_L_SMULSUB, DA_L_NSMULADD
    enum: DA_T_F64, DA_T_F32, DA_T_BOOL, DA_T_I64, DA_T_I32, DA_MAX_DIMS
    enum: DA_SUM, DA_PROD, DA_MAX, DA_MIN, DA_AXIS_ALL, DA_AXIS_LAST, DA_AXIS_FIRST
    enum: DA_LANE_VALUE, DA_LANE_AFFINE, DA_LANE_INDEXED, DA_LANE_BANK, DA_LANES_OK
    ctypedef int da_lanes_status
    ctypedef struct da_span:
        void *data
        size_t bytes
    ctypedef struct da_operand:
        int32_t buffer, index_buffer
        uint8_t type, index_type
        int64_t offset, index_offset
        int64_t *stride
    ctypedef struct da_micro:
        uint16_t code
    ctypedef struct da_splat:
        double value
        int32_t operand
    ctypedef struct da_reduction:
        int32_t op
    ctypedef struct da_region:
        uint8_t type, ndim, n_inner, axis, by_kernels
        int32_t n_regs, n_micros, n_operands, n_splats, n_reductions
        int64_t *shape
        const da_micro *micros
        const da_operand *operands
        const da_splat *splats
        const da_reduction *reductions
    ctypedef struct da_lanes:
        pass
    ctypedef struct da_scalar:
        int32_t code, dst, a, b, c
    ctypedef struct da_scalar_form:
        int32_t op, lanes, width, n_positions, slots, chained
    da_scalar_form da_scalar_form_of(int32_t code)
    int32_t *da_scalar_positions(const da_scalar *s)
    ctypedef struct da_lane:
        double value
        int64_t offset
        int32_t stride
        int16_t buffer
        uint8_t kind, type
    ctypedef struct da_group:
        uint16_t code, op
        int32_t n
        da_lane dst, a, b, c
    ctypedef struct da_groups:
        double *bank
        int64_t bank_size
        const da_span *spans
        int32_t n_spans
        const int32_t *lists
        int64_t n_lists
        const da_scalar *scalars
        int64_t n_scalars
        const da_machine_code *code
    int da_lanes_arity(int code)
    const char *da_lanes_name(int code)
    const char *da_lanes_error(da_lanes_status status)
    da_lanes_status da_region_check(const da_region *region, const da_span *spans, int n_spans)
    da_lanes_status da_region_check_operands(const da_region *region, const da_span *spans, int n_spans)
    da_lanes *da_lanes_new(const da_region *region)
    void da_lanes_free(da_lanes *lanes)
    int32_t da_lanes_joined(const da_lanes *lanes)
    int da_lanes_may_overwrite(const da_lanes *lanes, int32_t loaded, int32_t stored)
    size_t da_lanes_scratch(const da_lanes *lanes)
    size_t da_lanes_partials(const da_lanes *lanes, const da_region *region)
    int64_t da_lanes_units(const da_lanes *lanes, const da_region *region)
    int64_t da_lanes_unit_size(const da_lanes *lanes, const da_region *region)
    void da_lanes_run(const da_lanes *lanes, const da_region *region, const da_span *spans, int64_t first, int64_t last,
                      void *scratch, void *partials)
    void da_lanes_finish(const da_lanes *lanes, const da_region *region, const da_span *spans, void *partials)
    void da_groups_run(const da_group *groups, size_t n, const da_groups *env)
    da_lanes_status da_groups_check(const da_group *groups, size_t n, const da_groups *env)

cdef extern from "da_machine_scalars.h" nogil:
    ctypedef struct da_groups_part:
        const da_group *groups
        int32_t n, end
        const int32_t *lists
    ctypedef struct da_joined_groups:
        da_machine_code code
        da_group *groups
        int32_t n_groups, n_joined
    ctypedef struct da_joined_bank:
        const da_scalar *scalars
        int64_t size
        const uint8_t *outside
    int da_groups_join(da_joined_groups *out, da_groups_part *parts, int32_t n, const da_joined_bank *bank)
    void da_joined_groups_free(da_joined_groups *joined)

cdef extern from "da_graph.h" nogil:
    enum: DA_G_CONST, DA_G_LEAF, DA_G_ARRAY
    enum: DA_OPT_ALL, DA_OPT_EXACT, DA_OPT_LANES, DA_OPT_GROUPS, DA_OPT_FOLD, DA_OPT_CSE, DA_OPT_DEAD, DA_OPT_SUMS, DA_OPT_FUSE
    enum: DA_PLACE_ARRAY, DA_PLAN_BUFFERS
    ctypedef struct da_gnode:
        double c
        int32_t a, b
        uint16_t op, flags
        int32_t aux
    ctypedef struct da_graph:
        da_gnode *nodes
        int32_t *deps
        int32_t *roots
        int32_t n, n_deps, n_roots
    ctypedef struct da_graph_stats:
        int32_t recorded, merged, live, summed, fused
    ctypedef struct da_plan_step:
        int32_t number, n_groups, first_dep, n_deps
    ctypedef struct da_plan:
        da_group *groups
        da_scalar *scalars
        int32_t *lists
        int32_t *const_at
        double *const_value
        da_lane *root_places
        da_lane *dep_places
        da_plan_step *steps
        int32_t n_groups, n_scalars, n_lists, n_consts, n_roots, n_deps, n_steps, bank_size
        int32_t levels, wide, gathered, lanes
    ctypedef struct da_lane_program:
        da_micro *micros
        double *splats
        int32_t *leaf_buffer
        int32_t *leaf_element
        int32_t n_micros, n_splats, n_leaves, n_roots, n_regs
        uint8_t type
    enum: DA_LANES_UNFIT
    int da_graph_lanes(const da_graph *g, da_lane_program *program)
    void da_lane_program_free(da_lane_program *program)
    void da_graph_init(da_graph *g)
    void da_graph_free(da_graph *g)
    int32_t da_graph_push(da_graph *g, da_gnode node)
    int32_t da_graph_dep(da_graph *g, int32_t node)
    int32_t da_graph_root(da_graph *g, int32_t node)
    int32_t da_graph_op(da_graph *g, int op, int flags, int32_t a, int32_t b)
    int32_t da_graph_const(da_graph *g, double c, int flags)
    int32_t da_graph_leaf(da_graph *g, int32_t buffer, int32_t element, int32_t array, int flags)
    const char *da_graph_verify(const da_graph *g)
    int da_graph_optimise(da_graph *g, int options, da_graph_stats *stats)
    int da_plan_make(const da_graph *g, int options, da_plan *plan)
    void da_plan_free(da_plan *plan)

cdef extern from "<fenv.h>" nogil:
    enum: FE_DIVBYZERO, FE_OVERFLOW, FE_INVALID
    int feclearexcept(int)
    int fetestexcept(int)
