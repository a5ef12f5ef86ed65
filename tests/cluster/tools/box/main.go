// The one program of the smallest image: a pod's sandbox, and what tests of the cluster itself run in pods.
//
//	box              wait until told to end (the sandbox)
//	box serve ADDR   answer every HTTP request with this host's name
//	box get URL      print the answer to a request; keeps trying for 20 seconds
//	box try URL      print the answer to a request, or why there is none
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		name, _ := os.Hostname()
		server := http.Server{Addr: os.Args[2], ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s\n", name, r.URL.Path)
		})}
		go func() { fmt.Fprintln(os.Stderr, server.ListenAndServe()); os.Exit(1) }()
	case len(os.Args) == 3 && os.Args[1] == "get":
		os.Exit(get(os.Args[2], 20*time.Second))
	case len(os.Args) == 3 && os.Args[1] == "try":
		os.Exit(get(os.Args[2], 0))
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-end:
			return
		case <-children: // with a shared process namespace, the sandbox is the one that reaps
			for pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err == nil && pid > 0; {
				pid, err = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			}
		}
	}
}

func get(url string, patience time.Duration) int {
	client := http.Client{Timeout: 2 * time.Second}
	deadline := time.Now().Add(patience)
	for {
		answer, err := client.Get(url)
		if err == nil {
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				os.Stdout.Write(body)
				return 0
			}
			err = fmt.Errorf("%s", answer.Status)
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		time.Sleep(100 * time.Millisecond)
	}
}
