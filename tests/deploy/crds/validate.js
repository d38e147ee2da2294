// Reads a JSON array of objects from standard input and writes what the schemas of their kinds say
// against them: nothing when they are right. The argument is the node_modules to look into.
"use strict";

const path = require("node:path");

const PACKAGES = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
  "keda.sh": "@kubernetes-models/keda",
};

const modules = path.resolve(process.argv[2]);
let text = "";
process.stdin.on("data", (piece) => (text += piece));
process.stdin.on("end", () => {
  for (const object of JSON.parse(text)) {
    const [group, version] = object.apiVersion.split("/");
    const kinds = require(path.join(modules, PACKAGES[group], group, version));
    try {
      new kinds[object.kind](object).validate();
    } catch (error) {
      console.log(`${object.kind} ${object.metadata.name}: ${error.message}`);
    }
  }
});
