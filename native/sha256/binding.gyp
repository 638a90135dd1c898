{
  "targets": [
    {
      "target_name": "sha256",
      "sources": [
        "src/addon.c",
        "src/addon_pages.c",
        "src/arguments.c",
        "src/merkle.c",
        "src/parallel.c",
        "src/records.c",
        "src/sha256.c",
        "src/sha256_armv8.c",
        "src/sha256_avx2.c",
        "src/sha256_avx512.c",
        "src/sha256_neon.c",
        "src/sha256_shani.c",
        "src/shuffle.c",
        "src/validators.c"
      ],
      "defines": ["_GNU_SOURCE"],
      "cflags": ["-std=gnu11", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-pthread"],
      "ldflags": ["-Wl,-z,relro,-z,now", "-pthread"]
    }
  ]
}
