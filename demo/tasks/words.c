/* The words of the demo's world. */
#include "demo/tasks/task.h"

#include <stddef.h>

const char *pick_word(struct rng *r, const char *const *list)
{
    uint32_t n = 0;
    while (list[n] != NULL)
        n++;
    return list[rng_below(r, n)];
}

int pick_between(struct rng *r, int least, int most)
{
    return least + (int)rng_below(r, (uint32_t)(most - least + 1));
}

const char *const words_first[] = {"Anna",  "Ben",    "Clara", "David",  "Elena", "Frank",
                                   "Grace", "Hugo",   "Iris",  "Jonas",  "Karin", "Leo",
                                   "Maria", "Nils",   "Olga",  "Paul",   "Rosa",  "Simon",
                                   "Tara",  "Victor", "Wendy", "Yara",   "Zoe",   "Adam",
                                   "Bella", "Carl",   "Dora",  "Emil",   "Fiona", "George",
                                   "Hanna", "Ivan",   "Julia", "Kevin",  "Laura", "Martin",
                                   "Nora",  "Oscar",  "Petra", "Robert", NULL};

const char *const words_last[] = {"Adler",   "Becker", "Conrad", "Dahl",   "Ellis",  "Fischer",
                                  "Grant",   "Hansen", "Irving", "Jensen", "Keller", "Lang",
                                  "Moore",   "Novak",  "Olsen",  "Parker", "Quinn",  "Reed",
                                  "Stone",   "Turner", "Ullman", "Vogel",  "Weber",  "Young",
                                  "Ziegler", "Brown",  "Clark",  "Davis",  "Evans",  "Foster",
                                  NULL};

const char *const words_product[] = {"laptop",  "phone",  "printer", "router", "camera", "monitor",
                                     "headset", "tablet", "kettle",  "lamp",   "chair",  "bicycle",
                                     "toaster", "watch",  "speaker", NULL};

const char *const words_month[] = {"January",  "February", "March",  "April",     "May",
                                   "June",     "July",     "August", "September", "October",
                                   "November", "December", NULL};

const char *const words_thing[] = {"apple",  "bread",  "candle",   "drum",   "engine",  "flower",
                                   "garden", "hammer", "island",   "jacket", "kite",    "lemon",
                                   "mirror", "needle", "orange",   "pencil", "quilt",   "river",
                                   "silver", "tiger",  "umbrella", "violin", "window",  "yellow",
                                   "zebra",  "basket", "carpet",   "dragon", "feather", "guitar",
                                   "honey",  "jungle", "ladder",   "magnet", "napkin",  "oyster",
                                   "pepper", "ribbon", "saddle",   "ticket", NULL};

const char *const words_city[] = {"London", "Paris",  "Berlin", "Oslo",   "Madrid",
                                  "Rome",   "Vienna", "Prague", "Lisbon", "Dublin",
                                  "Athens", "Zurich", NULL};

const char *const words_domain[] = {"mail.com",  "post.org",  "web.net",    "example.com",
                                    "office.io", "shop.info", "school.edu", NULL};
