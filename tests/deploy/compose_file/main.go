// Loads a compose file as Docker Compose does, with every profile, and prints what it means as YAML; where it is no compose
// file, a line on standard output says why, and the exit code is 1.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func told(file string) ([]byte, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalYAML()
}

func main() {
	text, err := told(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
