// Reads objects of Kubernetes' API as YAML and decodes each strictly into Kubernetes' own type: an unknown field, a field
// twice, or a value of another type is a line on standard output, and the exit code is 1.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	wrong := 0
	for {
		document, err := documents.Read()
		if err == io.EOF {
			break
		}
		if err == nil && len(bytes.TrimSpace(document)) > 0 {
			_, _, err = decoder.Decode(document, nil, nil)
		}
		if err != nil {
			fmt.Println(err)
			wrong = 1
		}
	}
	os.Exit(wrong)
}
