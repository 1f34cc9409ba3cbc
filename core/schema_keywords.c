/* The keywords of draft 2020-12. */
#include "core/schema_parts.h"

const struct schema_keyword schema_keywords[] = {
    /* Only a home for subschemas, or read by another keyword. */
    {"$defs", SHAPE_MAP, false, NULL, NULL},
    {"definitions", SHAPE_MAP, false, NULL, NULL},
    {"then", SHAPE_SCHEMA, true, NULL, NULL},
    {"else", SHAPE_SCHEMA, true, NULL, NULL},
    {"minContains", SHAPE_VALUE, false, schema_prepare_limit, NULL},
    {"maxContains", SHAPE_VALUE, false, schema_prepare_limit, NULL},

    {"type", SHAPE_VALUE, false, schema_prepare_type, schema_check_type},
    {"enum", SHAPE_VALUE, false, schema_prepare_array, schema_check_enum},
    {"const", SHAPE_VALUE, false, NULL, schema_check_const},
    {"minimum", SHAPE_VALUE, false, schema_prepare_number, schema_check_minimum},
    {"maximum", SHAPE_VALUE, false, schema_prepare_number, schema_check_maximum},
    {"exclusiveMinimum", SHAPE_VALUE, false, schema_prepare_number, schema_check_exclusive_minimum},
    {"exclusiveMaximum", SHAPE_VALUE, false, schema_prepare_number, schema_check_exclusive_maximum},
    {"multipleOf", SHAPE_VALUE, false, schema_prepare_multiple, schema_check_multiple},
    {"minLength", SHAPE_VALUE, false, schema_prepare_limit, schema_check_min_length},
    {"maxLength", SHAPE_VALUE, false, schema_prepare_limit, schema_check_max_length},
    {"pattern", SHAPE_VALUE, false, schema_prepare_pattern, schema_check_pattern},

    {"required", SHAPE_VALUE, false, schema_prepare_required, schema_check_required},
    {"properties", SHAPE_MAP, false, NULL, schema_check_properties},
    {"patternProperties", SHAPE_MAP, false, schema_prepare_patterns,
     schema_check_pattern_properties},
    {"additionalProperties", SHAPE_SCHEMA, false, NULL, schema_check_additional},
    {"propertyNames", SHAPE_SCHEMA, false, NULL, schema_check_names},
    {"minProperties", SHAPE_VALUE, false, schema_prepare_limit, schema_check_min_properties},
    {"maxProperties", SHAPE_VALUE, false, schema_prepare_limit, schema_check_max_properties},
    {"dependentRequired", SHAPE_VALUE, false, schema_prepare_dependent_required,
     schema_check_dependent_required},
    {"dependentSchemas", SHAPE_MAP, true, NULL, schema_check_dependent_schemas},

    {"prefixItems", SHAPE_LIST, false, NULL, schema_check_prefix},
    {"items", SHAPE_SCHEMA, false, NULL, schema_check_items},
    {"contains", SHAPE_SCHEMA, false, NULL, schema_check_contains},
    {"minItems", SHAPE_VALUE, false, schema_prepare_limit, schema_check_min_items},
    {"maxItems", SHAPE_VALUE, false, schema_prepare_limit, schema_check_max_items},
    {"uniqueItems", SHAPE_VALUE, false, schema_prepare_bool, schema_check_unique},

    {"$ref", SHAPE_VALUE, true, schema_prepare_ref, schema_check_ref},
    {"$dynamicRef", SHAPE_VALUE, true, schema_prepare_ref, schema_check_dynamic_ref},
    {"allOf", SHAPE_LIST, true, NULL, schema_check_all},
    {"anyOf", SHAPE_LIST, true, NULL, schema_check_any},
    {"oneOf", SHAPE_LIST, true, NULL, schema_check_one},
    {"not", SHAPE_SCHEMA, true, NULL, schema_check_not},
    {"if", SHAPE_SCHEMA, true, NULL, schema_check_if},

    {"unevaluatedProperties", SHAPE_SCHEMA, false, schema_prepare_tracking,
     schema_check_unevaluated_properties},
    {"unevaluatedItems", SHAPE_SCHEMA, false, schema_prepare_tracking,
     schema_check_unevaluated_items},
    {NULL, SHAPE_VALUE, false, NULL, NULL},
};
