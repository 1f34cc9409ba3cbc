/* The version of retort, in one place. */
#ifndef RETORT_VERSION_H
#define RETORT_VERSION_H

#define RETORT_VERSION "0.1.0"

#endif
