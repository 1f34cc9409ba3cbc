-- From version 3 to 4: the view of what is kept shows masked texts, as training and export take them.

DROP VIEW kept;
CREATE VIEW kept AS
SELECT s.id, s.name, s.name_number, s.source, s.request_id, s.choice,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'system'), s.system) AS system,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'instruction'), s.instruction) AS instruction,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'input'), s.input) AS input,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'output'), s.output) AS output,
       s.reasoning,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'messages'), s.messages) AS messages,
       s.finish_reason, s.meta, s.hash, s.added_ms
FROM sample s JOIN decision d ON d.sample_id = s.id WHERE d.kept;
