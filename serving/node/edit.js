// Edits an aligned face with a served model, from Node.js.
//
//   npm install
//   node edit.js --server=localhost:8500 --image=face.png --au=AU12=3,AU06=2 \
//       --out=smile.png
//
// --image is a JPEG or PNG of an aligned face, --au the action units that it
// should show, 0 to 5 (units not named are 0). README.md says more.

"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");

// In the order of the model's assets/efgan.json.
const ACTION_UNITS = [
  "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12",
  "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26", "AU45",
];

// TensorFlow Serving's messages, as the Python package carries them.
const PROTOS = path.join(
  __dirname, "../../efgan_tf/trained/remote/tensorflow_serving.binpb",
);

const RETRY_IF_UNAVAILABLE = {
  methodConfig: [{
    name: [{ service: "tensorflow.serving.PredictionService" }],
    retryPolicy: {
      maxAttempts: 4,
      initialBackoff: "0.1s",
      maxBackoff: "1s",
      backoffMultiplier: 3,
      retryableStatusCodes: ["UNAVAILABLE"],
    },
  }],
};

function makeClient(server, protos, rootCertificate) {
  const loaded = protoLoader.loadFileDescriptorSetFromBuffer(
    fs.readFileSync(protos),
  );
  const { tensorflow } = grpc.loadPackageDefinition(loaded);
  const credentials = rootCertificate
    ? grpc.credentials.createSsl(fs.readFileSync(rootCertificate))
    : grpc.credentials.createInsecure();
  return new tensorflow.serving.PredictionService(server, credentials, {
    "grpc.service_config": JSON.stringify(RETRY_IF_UNAVAILABLE),
    "grpc.max_receive_message_length": 64 * 2 ** 20,
  });
}

// "AU12=3,AU06=2" as 17 numbers.
function parseUnits(text) {
  const units = new Array(ACTION_UNITS.length).fill(0);
  for (const part of text.split(",").filter(Boolean)) {
    const [name, value] = part.split("=");
    const index = ACTION_UNITS.indexOf(name.trim());
    if (index < 0 || !(Number(value) >= 0 && Number(value) <= 5)) {
      throw new Error(`--au: ${part} is not UNIT=NUMBER, as AU12=3 is`);
    }
    units[index] = Number(value);
  }
  return units;
}

// Loaded from a descriptor set, maps are lists of { key, value }.
function makeRequest(model, image, units) {
  return {
    model_spec: { name: model, signature_name: "edit_bytes" },
    inputs: [
      {
        key: "image_bytes",
        value: {
          dtype: "DT_STRING",
          tensor_shape: { dim: [{ size: 1 }] },
          string_val: [image],
        },
      },
      {
        key: "action_units",
        value: {
          dtype: "DT_FLOAT",
          tensor_shape: { dim: [{ size: 1 }, { size: units.length }] },
          float_val: units,
        },
      },
    ],
  };
}

function predict(client, request, seconds) {
  const deadline = Date.now() + 1000 * seconds;
  return new Promise((resolve, reject) => {
    client.Predict(request, { deadline }, (error, answer) =>
      error ? reject(error) : resolve(answer));
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      server: { type: "string", default: "localhost:8500" },
      model: { type: "string", default: "efgan" },
      image: { type: "string" },
      au: { type: "string", default: "" },
      out: { type: "string" },
      timeout: { type: "string", default: "30" },
      root_certificate: { type: "string" },
      protos: { type: "string", default: PROTOS },
    },
  });
  if (!values.image || !values.out) {
    throw new Error("give --image=FACE and --out=FILE.png");
  }
  const request = makeRequest(
    values.model, fs.readFileSync(values.image), parseUnits(values.au),
  );
  const client = makeClient(
    values.server, values.protos, values.root_certificate,
  );
  try {
    const answer = await predict(client, request, Number(values.timeout));
    const output = answer.outputs.find(({ key }) => key === "image_bytes");
    fs.writeFileSync(values.out, output.value.string_val[0]);
    const { version } = answer.model_spec;
    console.log(`wrote ${values.out} (version ${version.value})`);
  } finally {
    client.close();
  }
}

main().catch((error) => {
  const status = error.code in grpc.status ? `${grpc.status[error.code]}: ` : "";
  console.error(`error: ${status}${error.details || error.message}`);
  process.exitCode = 2;
});
