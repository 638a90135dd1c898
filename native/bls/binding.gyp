{
  "targets": [
    {
      "target_name": "bls",
      "sources": [
        "src/addon.c",
        "src/args.c",
        "src/js_job.c",
        "src/js_sets.c",
        "src/js_points.c",
        "src/js_secret.c",
        "src/js_table.c",
        "src/js_table_file.c",
        "src/batch.c",
        "src/bisect.c",
        "src/parallel.c",
        "src/points.c",
        "src/siphash.c",
        "src/key_index.c",
        "src/key_table.c",
        "src/key_file.c",
        "src/key_log.c",
        "src/index_file.c",
        "../../node_modules/c-kzg/deps/blst/src/server.c",
        "../../node_modules/c-kzg/deps/blst/build/assembly.S"
      ],
      "include_dirs": ["../../node_modules/c-kzg/deps/blst/bindings"],
      "defines": ["__BLST_PORTABLE__", "_GNU_SOURCE"],
      "cflags": ["-std=gnu11", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter", "-pthread"],
      "ldflags": ["-Wl,-z,relro,-z,now", "-pthread"]
    }
  ]
}
