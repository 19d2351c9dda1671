# file: src/vfio_caps.c
# The bug: an area that begins within the region may end outside.
s/area.offset > info->size || area.size > info->size - area.offset/area.offset > info->size/
