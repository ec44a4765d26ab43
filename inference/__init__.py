"""Scene to detections, and detections to the store.

detect.py searches a scene tile by tile; seams.py makes one box a ship of what tiles report; describe.py turns boxes
into detections, with metres from measure.py, deadweight from deadweight.py and size class from size_class.py.
detections.py says what a detection is, store.py keeps them, detect_scenes.py does many scenes and resumes by
fingerprint.py, and picture_files.py says by SHA-256 which files were searched. aoi.py reads the area to search.
"""
