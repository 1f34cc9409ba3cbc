/*
 * The built-in templates.  Those of models are the models' own, without tools and dates; alpaca
 * and plain are for models that have none.  All put the reply's end-of-turn token behind it.
 */
#include "model/chat/template.h"

#include <stddef.h>

static const char chatml[] =
    "{%- for message in messages %}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}";

static const char llama2[] =
    "{%- if messages[0]['role'] == 'system' %}"
    "{%- set system_message = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}"
    "{%- set loop_messages = messages[1:] %}"
    "{%- else %}"
    "{%- set system_message = '' %}{%- set loop_messages = messages %}"
    "{%- endif %}"
    "{%- for message in loop_messages %}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{%- endif %}"
    "{%- set content = system_message + message['content'] if loop.index0 == 0 "
    "else message['content'] %}"
    "{%- if message['role'] == 'user' %}"
    "{{- bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{%- else %}"
    "{{- ' ' + content.strip() + ' ' + eos_token }}"
    "{%- endif %}"
    "{%- endfor %}";

static const char llama3[] =
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + "
    "message['content'] | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
    "{%- endif %}";

/* A system message, which Gemma does not know, goes in front of the first user message. */
static const char gemma[] =
    "{{- bos_token }}"
    "{%- if messages[0]['role'] == 'system' %}"
    "{%- set first = messages[0]['content'] | trim + '\\n\\n' %}"
    "{%- set loop_messages = messages[1:] %}"
    "{%- else %}"
    "{%- set first = '' %}{%- set loop_messages = messages %}"
    "{%- endif %}"
    "{%- for message in loop_messages %}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{%- endif %}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{- '<start_of_turn>' + role + '\\n' }}"
    "{%- if loop.first %}{{- first }}{%- endif %}"
    "{{- message['content'] | trim + '<end_of_turn>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}";

static const char phi3[] =
    "{%- for message in messages %}"
    "{{- '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}";

/* The system message goes in front of the first user message, so that every row has it. */
static const char mistral[] =
    "{%- if messages[0]['role'] == 'system' %}"
    "{%- set first = messages[0]['content'] + '\\n\\n' %}"
    "{%- set loop_messages = messages[1:] %}"
    "{%- else %}"
    "{%- set first = '' %}{%- set loop_messages = messages %}"
    "{%- endif %}"
    "{{- bos_token }}"
    "{%- for message in loop_messages %}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('After the optional system message, conversation roles must alternate "
    "user/assistant/user/assistant/...') }}"
    "{%- endif %}"
    "{%- if message['role'] == 'user' %}"
    "{{- '[INST]' }}{%- if loop.first %}{{- first }}{%- endif %}"
    "{{- message['content'] + '[/INST]' }}"
    "{%- else %}"
    "{{- message['content'] + eos_token }}"
    "{%- endif %}"
    "{%- endfor %}";

static const char deepseek[] = "{{- bos_token }}"
                               "{%- for message in messages %}"
                               "{%- if message['role'] == 'system' %}"
                               "{{- message['content'] }}"
                               "{%- elif message['role'] == 'user' %}"
                               "{{- '<\xEF\xBD\x9CUser\xEF\xBD\x9C>' + message['content'] }}"
                               "{%- elif message['role'] == 'assistant' %}"
                               "{{- '<\xEF\xBD\x9C"
                               "Assistant\xEF\xBD\x9C>' + message['content'] + "
                               "'<\xEF\xBD\x9C"
                               "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>' }}"
                               "{%- endif %}"
                               "{%- endfor %}"
                               "{%- if add_generation_prompt %}{{- '<\xEF\xBD\x9C"
                               "Assistant\xEF\xBD\x9C>' }}{%- endif %}";

static const char zephyr[] =
    "{%- for message in messages %}"
    "{{- '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}";

static const char alpaca[] =
    "{{- bos_token }}"
    "{%- if messages[0]['role'] == 'system' %}"
    "{{- messages[0]['content'] + '\\n\\n' }}{%- set loop_messages = messages[1:] %}"
    "{%- else %}"
    "{{- 'Below is an instruction that describes a task. Write a response that appropriately "
    "completes the request.\\n\\n' }}{%- set loop_messages = messages %}"
    "{%- endif %}"
    "{%- for message in loop_messages %}"
    "{%- if message['role'] == 'user' %}"
    "{{- '### Instruction:\\n' + message['content'] + '\\n\\n' }}"
    "{%- elif message['role'] == 'assistant' %}"
    "{{- '### Response:\\n' + message['content'] + eos_token + '\\n\\n' }}"
    "{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '### Response:\\n' }}{%- endif %}";

/* For base models and tiny ones: what was said, then the reply. */
static const char plain[] =
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'assistant' %}"
    "{{- message['content'] + eos_token }}{%- if not loop.last %}{{- '\\n' }}{%- endif %}"
    "{%- else %}"
    "{{- message['content'] + '\\n' }}"
    "{%- endif %}"
    "{%- endfor %}";

const struct chat_builtin chat_builtins[] = {
    {"chatml", chatml}, {"llama2", llama2},   {"llama3", llama3},     {"gemma", gemma},
    {"phi3", phi3},     {"mistral", mistral}, {"deepseek", deepseek}, {"zephyr", zephyr},
    {"alpaca", alpaca}, {"plain", plain},     {NULL, NULL},
};

const char *const chat_template_names[] = {"chatml", "llama2",  "llama3",   "gemma",
                                           "phi3",   "mistral", "deepseek", "zephyr",
                                           "alpaca", "plain",   NULL};
