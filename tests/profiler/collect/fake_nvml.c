/* Stands in for NVIDIA's libnvidia-ml.so.1: three GPUs, of which the second is lost after
   FAKE_NVML_FAILS_AFTER questions for its utilisation and the third knows no power.
   FAKE_NVML_INIT is what the library answers when it is started. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, GPU_IS_LOST = 15 };
enum { COUNT = 3 };

typedef struct { unsigned number, asked; } gpu;
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;

static gpu gpus[COUNT] = {{0, 0}, {1, 0}, {2, 0}};
static const char *uuids[COUNT] = {"GPU-aaaa-0", "GPU-bbbb-1", "GPU-bbcc-2"};

static unsigned setting(const char *name, unsigned otherwise) {
    const char *value = getenv(name);
    return value ? (unsigned)atoi(value) : otherwise;
}

static int state(const gpu *one) {
    unsigned last = setting("FAKE_NVML_FAILS_AFTER", 1000000);
    return one->number == 1 && one->asked > last ? GPU_IS_LOST : SUCCESS;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; return (int)setting("FAKE_NVML_INIT", 0); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { return code == GPU_IS_LOST ? "GPU is lost" : "error"; }

int nvmlDeviceGetCount_v2(unsigned *count) { *count = setting("FAKE_NVML_COUNT", COUNT); return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned place, gpu **one) {
    if (place >= COUNT) return INVALID_ARGUMENT;
    if (place == setting("FAKE_NVML_UNREACHED", COUNT)) return GPU_IS_LOST;
    *one = &gpus[place];
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, gpu **one) {
    if (strcmp(uuid, "MIG-1")) return NOT_FOUND;
    *one = &gpus[2];
    return SUCCESS;
}

int nvmlDeviceGetUUID(gpu *one, char *text, unsigned room) {
    snprintf(text, room, "%s", uuids[one->number]);
    return SUCCESS;
}

int nvmlDeviceGetName(gpu *one, char *text, unsigned room) {
    snprintf(text, room, "Fake H200 no. %u", one->number);
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(gpu *one, utilization *rates) {
    one->asked++;
    rates->gpu = 10 * (one->number + 1);
    rates->memory = 1;
    return state(one);
}

int nvmlDeviceGetMemoryInfo(gpu *one, memory *info) {
    info->total = 1000ull << 20;
    info->used = (100ull * (one->number + 1)) << 20;
    info->free = info->total - info->used;
    return state(one);
}

int nvmlDeviceGetPowerUsage(gpu *one, unsigned *milliwatts) {
    *milliwatts = 250500;
    return one->number == 2 ? NOT_SUPPORTED : state(one);
}

int nvmlDeviceGetTemperature(gpu *one, unsigned sensor, unsigned *celsius) {
    *celsius = 60 + one->number + sensor;
    return state(one);
}

int nvmlDeviceGetClockInfo(gpu *one, unsigned kind, unsigned *mhz) {
    *mhz = kind == 1 ? 1980 : kind == 2 ? 2619 : 0;
    return state(one);
}
