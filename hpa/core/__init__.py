"""Domain code without frameworks: classes, channels, label maps, encodings, matching; on numpy, scipy, pycocotools."""
