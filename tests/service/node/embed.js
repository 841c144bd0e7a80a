// Ask a service for vectors of texts by OpenAI's official client; print one JSON object.
//
//   node embed.js BASE_URL API_KEY TEXTS        TEXTS is a JSON list

import OpenAI from "openai";

const [baseURL, apiKey, texts] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

async function embed(ways) {
  const answer = await client.embeddings.create({
    model: "tiny",
    input: JSON.parse(texts),
    ...ways,
  });
  return answer.data.map((one) => one.embedding);
}

const refusal = await embed({ dimensions: 3 }).catch((error) => ({
  status: error.status,
  code: error.code,
  param: error.param,
}));

console.log(
  JSON.stringify({
    usual: await embed({}),
    float: await embed({ encoding_format: "float" }),
    refusal,
  }),
);
