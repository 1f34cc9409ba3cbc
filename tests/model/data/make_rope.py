# The rotary tables that transformers computes: prints rope.json.
import json, torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
import transformers
cases=[]
P=[0,1,2,7,100,1000,4095,32767]
for name,dim,theta,maxp,par in [
 ("linear 4",16,10000.0,2048,{"rope_type":"linear","factor":4.0}),
 ("yarn of Qwen2.5-0.5B at 128k",64,1e6,131072,{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32768}),
 ("yarn 8, own betas",32,10000.0,16384,{"rope_type":"yarn","factor":8.0,"original_max_position_embeddings":2048,"beta_fast":16.0,"beta_slow":2.0}),
 ("yarn 2, attention factor",32,5e5,8192,{"rope_type":"yarn","factor":2.0,"original_max_position_embeddings":4096,"attention_factor":1.25}),
 ("llama3 of Llama-3.2",64,5e5,131072,{"rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}),
]:
    cfg=LlamaConfig(hidden_size=dim*2,num_attention_heads=2,num_key_value_heads=2,head_dim=dim,num_hidden_layers=1,intermediate_size=8,vocab_size=8,max_position_embeddings=maxp,rope_parameters={"rope_theta":theta,**par})
    r=LlamaRotaryEmbedding(cfg)
    x=torch.zeros(1,len(P),dim)
    c,s=r(x,torch.tensor([P]))
    h=dim//2
    cases.append({"name":name,"config":{"model_type":"llama","hidden_size":dim*2,"num_attention_heads":2,"num_hidden_layers":1,"intermediate_size":8,"vocab_size":8,"max_position_embeddings":maxp,"rope_theta":theta,"rope_scaling":par},
      "positions":P,"cos":[[float(f"{v:.8g}") for v in row[:h].tolist()] for row in c[0]],"sin":[[float(f"{v:.8g}") for v in row[:h].tolist()] for row in s[0]]})
print(json.dumps({"made":f"transformers {transformers.__version__}, LlamaRotaryEmbedding in float32","cases":cases}))
