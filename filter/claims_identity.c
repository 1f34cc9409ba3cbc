#include "filter/claims.h"

#include "filter/text.h"

#define MAKERS                                                                                     \
    "openai", "anthropic", "google", "deepmind", "alibaba", "alibaba cloud", "deepseek", "meta",   \
        "meta ai", "mistral", "mistral ai", "moonshot", "moonshot ai", "microsoft", "baidu",       \
        "zhipu", "zhipu ai", "xai", "cohere", "tencent", "bytedance", "nvidia", "stability ai",    \
        "inflection", "01.ai", "minimax", "stepfun", "阿里云", "阿里巴巴", "通义", "百度", "腾讯", \
        "字节跳动", "智谱", "月之暗面", "深度求索", "科大讯飞", "商汤"
TEXT_LIST(makers, MAKERS);

/* Names that are only a model's. */
#define MODELS                                                                                     \
    "chatgpt", "gpt-4", "gpt-3", "gpt-3.5", "gpt-4o", "gpt-5", "claude", "gemini", "bard", "qwen", \
        "deepseek", "deepseek-r1", "deepseek-v3", "llama", "llama 2", "llama 3", "kimi",           \
        "mistral", "mixtral", "copilot", "grok", "ernie", "ernie bot", "vicuna", "alpaca", "palm", \
        "chatglm", "glm-4", "yi", "phi-3", "bing chat", "文心一言", "通义千问", "千问", "豆包",    \
        "讯飞星火", "星火", "混元", "智谱清言"
TEXT_LIST(models, MODELS);

#define MACHINE                                                                                    \
    "ai", "artificial intelligence", "language model", "large language model",                     \
        "ai language model", "llm", "chatbot", "virtual assistant", "ai assistant", "ai model",    \
        "machine learning model", "人工智能", "语言模型", "大模型", "ai助手", "智能助手",          \
        "ki-modell", "modelo de lenguaje", "modèle de langage", "sprachmodell", "языковая модель", \
        "言語モデル"
TEXT_LIST(machine, MACHINE);

/* "As an AI engineer, I" speaks of a job. */
TEXT_LIST(jobs, "ai engineer", "ai researcher", "ai company", "ai expert", "ai scientist",
          "ai startup", "ai developer", "ai consultant", "ai teacher", "ai student",
          "ai enthusiast", "ai specialist", "ai team", "ai ethicist");

TEXT_LIST(language_model, "language model", "ai model", "语言模型", "大模型", "sprachmodell",
          "modelo de lenguaje", "modèle de langage");

TEXT_LIST(made_by, "made by", "built by", "developed by", "created by", "trained by", "designed by",
          "built and trained by", "developed and trained by", "研发", "开发", "训练", "创建",
          "打造", "推出");

TEXT_LIST(i_am, "i am", "i'm", "i’m", "my name is", "i was", "i have been", "this is", "ich bin",
          "je suis", "soy", "我是", "我叫", "我的名字是", "我由", "我作为");

TEXT_LIST(as_role, "as an", "as a", "being an", "being a", "since i am", "since i'm",
          "because i am", "als", "en tant que", "en tant qu'", "como", "作为", "作為", "身为");

TEXT_LIST(me, "i", "i'm", "my", "me", "ich", "je", "yo", "我", "я", "sorry");

bool claims_speak_of_models(struct slice text)
{
    TEXT_LIST(clues, MACHINE, MODELS, MAKERS);
    return text_has_any(text, &clues);
}

bool claims_identity(struct slice sentence, bool *known)
{
    struct slice s = claims_skip(sentence);
    bool apology = false;
    size_t role = text_starts_any(s, &as_role), am = text_starts_any(s, &i_am);
    *known = false;
    if (role == 0 && am == 0) {
        s = claims_core(sentence, &apology);
        role = text_starts_any(s, &as_role);
        am = text_starts_any(s, &i_am);
    }
    if (role == 0 && am == 0)
        return false;
    const struct slice near = slice_sub(s, role + am, 100);
    const bool is_machine = text_has_any(near, &machine) && !text_has_any(near, &jobs);
    const bool model = text_has_any(near, &models), maker = text_has_any(near, &makers);
    const bool made = text_has_any(near, &made_by);
    *known = model || maker || text_has_any(near, &language_model);
    if (role > 0)
        return is_machine && text_has_any(slice_sub(s, role, 300), &me);
    if (text_starts(s, "i was") || text_starts(s, "i have been") || text_starts(s, "我由"))
        return made && maker;
    return is_machine || (made && (maker || model)) ||
           (model && text_starts_any(claims_skip(near), &models) > 0 && near.len < 40);
}
