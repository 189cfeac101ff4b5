"""The words of the domain: classes, channels, label maps, encodings, matching. Knows numpy, scipy, pycocotools."""
