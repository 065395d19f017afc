// tusd over a folder: the peer of the photos in `cargo xtask bench peers`.
//
// Stock: the handler, the file store and the file locker of tusd's module, put together as its command line does without
// options (all extensions, requests logged to standard output with their details), on /files/. The command line itself would
// bring in the libraries of three clouds. Left out of it: the metrics and the greeting.
//
// Added: -sync. tusd has no such setting and never syncs. With it an upload is on the disk before its answer: after the
// creation the .info file and the folder, which holds the names of both files; after each part the file.
package main

import (
	"context"
	"flag"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/tus/tusd/v2/pkg/filelocker"
	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"
)

const base = "/files/"

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address, on the loopback interface")
	folder := flag.String("folder", "", "where uploads are stored")
	synced := flag.Bool("sync", false, "sync files and folder before each answer")
	flag.Parse()
	if *folder == "" {
		log.Fatal("-folder is missing")
	}
	logged()
	composer := handler.NewStoreComposer()
	store := filestore.New(*folder)
	if *synced {
		syncedStore{store}.useIn(composer)
	} else {
		store.UseIn(composer)
	}
	filelocker.New(*folder).UseIn(composer)
	uploads, err := handler.NewHandler(handler.Config{BasePath: base, StoreComposer: composer})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(base, http.StripPrefix(base, uploads))
	log.Fatal(http.ListenAndServe(*listen, mux))
}

// The log of tusd's command line: text, every request, its time written by the standard logger.
func logged() {
	out := log.New(os.Stdout, "", log.LstdFlags|log.Lmicroseconds)
	slog.SetDefault(slog.New(slog.NewTextHandler(lines{out}, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, attribute slog.Attr) slog.Attr {
			switch attribute.Key {
			case slog.TimeKey:
				return slog.Attr{}
			case slog.MessageKey:
				attribute.Key = "event"
			}
			return attribute
		},
	})))
}

type lines struct{ out *log.Logger }

func (to lines) Write(line []byte) (int, error) {
	to.out.Print(string(line))
	return len(line), nil
}

// The file store, with everything on the disk before it returns. It does not concatenate uploads, because the store does that
// with its own kind of upload only.
type syncedStore struct{ filestore.FileStore }

func (store syncedStore) useIn(composer *handler.StoreComposer) {
	composer.UseCore(store)
	composer.UseTerminater(store)
	composer.UseLengthDeferrer(store)
	composer.UseContentServer(store)
}

func (store syncedStore) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	upload, err := store.FileStore.NewUpload(ctx, info)
	if err != nil {
		return nil, err
	}
	made, err := upload.GetInfo(ctx)
	if err != nil {
		return nil, err
	}
	for _, path := range []string{made.Storage[filestore.StorageKeyInfoPath], store.Path} {
		if err := sync(path); err != nil {
			return nil, err
		}
	}
	return syncedUpload{upload}, nil
}

func (store syncedStore) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	upload, err := store.FileStore.GetUpload(ctx, id)
	if err != nil {
		return nil, err
	}
	return syncedUpload{upload}, nil
}

func (store syncedStore) AsTerminatableUpload(upload handler.Upload) handler.TerminatableUpload {
	return store.FileStore.AsTerminatableUpload(stock(upload))
}

func (store syncedStore) AsLengthDeclarableUpload(upload handler.Upload) handler.LengthDeclarableUpload {
	return store.FileStore.AsLengthDeclarableUpload(stock(upload))
}

func (store syncedStore) AsServableUpload(upload handler.Upload) handler.ServableUpload {
	return store.FileStore.AsServableUpload(stock(upload))
}

type syncedUpload struct{ handler.Upload }

func (upload syncedUpload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	written, err := upload.Upload.WriteChunk(ctx, offset, src)
	if err != nil {
		return written, err
	}
	info, err := upload.GetInfo(ctx)
	if err != nil {
		return written, err
	}
	return written, sync(info.Storage[filestore.StorageKeyPath])
}

// The upload of the file store itself, whose other methods know no other kind.
func stock(upload handler.Upload) handler.Upload {
	if synced, ok := upload.(syncedUpload); ok {
		return synced.Upload
	}
	return upload
}

// fsync of a file or of a folder.
func sync(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
