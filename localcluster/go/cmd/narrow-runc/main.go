// SPDX-License-Identifier: Apache-2.0

// Command narrow-runc is runc for machines whose root may neither raise limits
// nor lower OOM scores: it takes from a container's specification what the
// kernel would refuse, then becomes runc. Docker asks for these without being
// asked, for every privileged container.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

const missingCapability = "CAP_SYS_RESOURCE"

// narrow changes the "process" part of a specification in place.
func narrow(process map[string]any, openFiles uint64) {
	delete(process, "oomScoreAdj")
	if capabilities, ok := process["capabilities"].(map[string]any); ok {
		for set, names := range capabilities {
			capabilities[set] = without(names, missingCapability)
		}
	}
	limits, _ := process["rlimits"].([]any)
	for _, one := range limits {
		limit, ok := one.(map[string]any)
		if !ok || limit["type"] != "RLIMIT_NOFILE" {
			continue
		}
		for _, bound := range []string{"hard", "soft"} {
			if number, err := limit[bound].(json.Number).Int64(); err != nil || uint64(number) > openFiles {
				limit[bound] = openFiles
			}
		}
	}
}

func without(names any, unwanted string) []any {
	list, _ := names.([]any)
	kept := []any{}
	for _, name := range list {
		if name != unwanted {
			kept = append(kept, name)
		}
	}
	return kept
}

// specification returns the file that describes the process that runc is about to
// start, and whether that process is only a part of what the file describes.
func specification(arguments []string) (path string, part bool) {
	command, bundle, process := "", ".", ""
	for index, word := range arguments {
		next := ""
		if index+1 < len(arguments) {
			next = arguments[index+1]
		}
		switch word {
		case "create", "run", "exec", "restore":
			if command == "" {
				command = word
			}
		case "--bundle", "-b":
			bundle = next
		case "--process", "-p":
			process = next
		}
	}
	switch {
	case command == "exec":
		return process, false
	case command != "":
		return filepath.Join(bundle, "config.json"), true
	}
	return "", false
}

func rewrite(path string, part bool, openFiles uint64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// Numbers are kept as they are written: user ids and limits do not fit a float.
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	document := map[string]any{}
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	process := document
	if part {
		process, _ = document["process"].(map[string]any)
	}
	narrow(process, openFiles)
	content, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

func run() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if path, part := specification(os.Args[1:]); path != "" {
		if err := rewrite(path, part, limit.Max); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	return syscall.Exec(runc, append([]string{"runc"}, os.Args[1:]...), os.Environ())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "narrow-runc:", err)
		os.Exit(1)
	}
}
