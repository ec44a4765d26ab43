"""Text and XML formats: each read from a small file in the real format."""

import math

import numpy as np
import pytest
from training_dataset_cases import description, read_whole, sides, write_picture, write_text


def test_dota_gives_boxes_difficulty_and_the_gsd_of_its_header(tmp_path):
    write_picture(tmp_path / "images/P0706.png")
    write_text(
        tmp_path / "labelTxt/P0706.txt",
        "imagesource:GoogleEarth\ngsd:0.255589285596\n"
        "10 10 50 10 50 18 10 18 ship 0\n60 20 64 20 64 40 60 40 ship 2\n0 0 9 0 9 9 0 9 harbor 1\n",
    )

    (image,), report = read_whole("dota", tmp_path)

    assert image.name == "dota/P0706"
    assert image.gsd_m == pytest.approx(0.255589285596)
    assert image.labels.kinds == ("ship", "ship")
    assert image.labels.difficult.tolist() == [False, True]
    assert sides(image).tolist() == [[40, 8], [20, 4]]
    assert not image.upright.any()
    assert report.left_out == {"harbor": 1}
    assert not report.problems


@pytest.mark.parametrize("header", ["gsd:null", "gsd:None", "gsd:", "imagesource:GF"])
def test_dota_without_a_gsd_has_none(tmp_path, header):
    write_picture(tmp_path / "images/a.png")
    write_text(tmp_path / "labels/a.txt", f"{header}\n10 10 50 10 50 18 10 18 ship 0\n")

    (image,), report = read_whole(description("dota"), tmp_path)

    assert image.gsd_m is None
    assert math.isnan(image.scene.gsd_m)
    assert report.ships == 1


def test_dota_class_names_may_be_of_several_words_and_the_flag_may_be_missing(tmp_path):
    write_picture(tmp_path / "images/a.png")
    write_text(
        tmp_path / "labels/a.txt", "10 10 50 10 50 18 10 18 Liquid Cargo Ship 0\n10 30 50 30 50 38 10 38 Tugboat\n"
    )
    classes = {"Liquid Cargo Ship": "tanker", "Tugboat": "tug-service"}

    (image,), report = read_whole(description("dota", classes=classes), tmp_path)

    assert image.labels.kinds == ("tanker", "tug-service")
    assert not report.problems


def test_yolo_obb_shares_become_pixels_and_numbers_become_names(tmp_path):
    write_picture(tmp_path / "images/train/a.jpg", width=200, height=100)
    write_picture(tmp_path / "images/val/empty.jpg", width=200, height=100)
    write_text(tmp_path / "data.yaml", "path: .\nnames:\n  0: tanker\n  1: pier\n")
    write_text(
        tmp_path / "labels/train/a.txt",
        "0 0.1 0.2 0.5 0.2 0.5 0.3 0.1 0.3\n1 0.6 0.6 0.7 0.6 0.7 0.7 0.6 0.7\n",
    )
    config = description("yolo-obb", names_file="data.yaml", classes={"tanker": "tanker"}, leave_out=["pier"])

    (image, empty), report = read_whole(config, tmp_path)

    np.testing.assert_allclose(image.labels.corners[0], [[20, 20], [100, 20], [100, 30], [20, 30]])
    assert image.labels.kinds == ("tanker",)
    assert empty.name == "small/val/empty"
    assert len(empty.labels) == 0
    assert report.left_out == {"pier": 1}
    assert report.unlabelled == 0


def test_yolo_boxes_are_upright_and_class_numbers_serve_as_names(tmp_path):
    write_picture(tmp_path / "images/a.jpg", width=200, height=100)
    write_text(tmp_path / "labels/a.txt", "7 0.5 0.5 0.2 0.1\n")

    (image,), _ = read_whole(description("yolo", classes={7: "container"}), tmp_path)

    np.testing.assert_allclose(image.labels.corners[0], [[80, 45], [120, 45], [120, 55], [80, 55]])
    assert image.labels.kinds == ("container",)
    assert image.upright.tolist() == [True]


VOC = """<annotation>
  <folder>images</folder><filename>boat12.png</filename>
  <size><width>120</width><height>80</height><depth>3</depth></size>
  <object>
    <name>boat</name><pose>Unspecified</pose><truncated>0</truncated><difficult>1</difficult>
    <bndbox><xmin>1</xmin><ymin>11</ymin><xmax>40</xmax><ymax>20</ymax></bndbox>
  </object>
  {more}
</annotation>
"""


@pytest.mark.parametrize(("first_pixel", "left"), [(1, 0), (0, 1)])
def test_voc_boxes_name_pixels_from_one_or_edges_from_zero(tmp_path, first_pixel, left):
    write_picture(tmp_path / "images/boat12.png")
    write_text(tmp_path / "labels/boat12.xml", VOC.format(more=""))
    config = description("voc", classes={"boat": "ship"}, first_pixel=first_pixel)

    (image,), _ = read_whole(config, tmp_path)

    assert image.labels.corners[0].min(axis=0).tolist() == [left, 10 + left]
    assert image.labels.corners[0].max(axis=0).tolist() == [40, 20]
    assert image.labels.difficult.tolist() == [True]
    assert image.upright.tolist() == [True]


def test_voc_with_turned_boxes_of_rolabelimg(tmp_path):
    turned = (
        "<object><type>robndbox</type><name>boat</name><difficult>0</difficult><robndbox><cx>60</cx><cy>40</cy>"
        "<w>30</w><h>10</h><angle>0.5235987755982988</angle></robndbox></object>"
    )
    write_picture(tmp_path / "images/boat12.png")
    write_text(tmp_path / "labels/boat12.xml", VOC.format(more=turned))

    (image,), _ = read_whole(description("voc", classes={"boat": "ship"}), tmp_path)

    along = image.labels.corners[1, 1] - image.labels.corners[1, 0]
    assert math.degrees(math.atan2(along[1], along[0])) == pytest.approx(30)
    assert sides(image)[1].tolist() == [30, 10]
    assert image.upright.tolist() == [True, False]


def test_voc_picture_is_found_by_the_name_in_the_file_when_the_label_file_is_called_otherwise(tmp_path):
    write_picture(tmp_path / "images/boat12.png")
    write_text(tmp_path / "labels/000001.xml", VOC.format(more=""))

    (image,), report = read_whole(description("voc", classes={"boat": "ship"}), tmp_path)

    assert image.path.name == "boat12.png"
    assert not report.problems


DIOR_R = """<?xml version="1.0" encoding="UTF-8"?>
<annotation>
    <filename>00090.jpg</filename>
    <size><width>800</width><height>800</height><depth>3</depth></size>
    <object>
        <type>robndbox</type>
        <name>ship</name>
        <pose>Unspecified</pose>
        <truncated>0</truncated>
        <difficult>0</difficult>
        <robndbox>
            <x_left_top>461</x_left_top>
            <y_left_top>462</y_left_top>
            <x_right_top>499</x_right_top>
            <y_right_top>485</y_right_top>
            <x_right_bottom>493</x_right_bottom>
            <y_right_bottom>496</y_right_bottom>
            <x_left_bottom>454</x_left_bottom>
            <y_left_bottom>474</y_left_bottom>
        </robndbox>
        <angle>30.4</angle>
    </object>
    <object>
        <name>storagetank</name>
        <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>
    </object>
</annotation>
"""


def test_dior_r_gives_named_corners_in_order(tmp_path):
    write_picture(tmp_path / "JPEGImages-trainval/00090.jpg", width=800, height=800)
    write_text(tmp_path / "Annotations/Oriented Bounding Boxes/00090.xml", DIOR_R)

    (image,), report = read_whole("dior", tmp_path)

    assert image.labels.corners[0].tolist() == [[461, 462], [499, 485], [493, 496], [454, 474]]
    assert report.left_out == {"storagetank": 1}
    assert image.gsd_m is None


def test_dior_horizontal_boxes_are_upright(tmp_path):
    write_picture(tmp_path / "JPEGImages-trainval/00090.jpg", width=800, height=800)
    text = DIOR_R.replace("storagetank", "ship")
    write_text(tmp_path / "Annotations/Horizontal Bounding Boxes/00090.xml", text)
    config = description("dior", images=".", labels="Annotations/Horizontal Bounding Boxes")

    (image,), _ = read_whole(config, tmp_path)

    assert image.upright.tolist() == [False, True]
    assert image.labels.corners[1].tolist() == [[0, 0], [9, 0], [9, 9], [0, 9]]


HRSC = """<HRSC_Image>
  <Img_ID>100000001</Img_ID>
  <Img_FileName>100000001</Img_FileName>
  <Img_FileFmt>bmp</Img_FileFmt>
  <Img_SizeWidth>1166</Img_SizeWidth>
  <Img_SizeHeight>753</Img_SizeHeight>
  <Img_SizeDepth>3</Img_SizeDepth>
  <Img_Resolution>1.07</Img_Resolution>
  <Img_Resolution_Layer>18</Img_Resolution_Layer>
  <segmented>0</segmented>
  <Annotated>1</Annotated>
  <HRSC_Objects>
    <HRSC_Object>
      <Object_ID>100000001</Object_ID>
      <Class_ID>100000013</Class_ID>
      <truncated>0</truncated>
      <difficult>0</difficult>
      <box_xmin>194</box_xmin>
      <box_ymin>243</box_ymin>
      <box_xmax>972</box_xmax>
      <box_ymax>507</box_ymax>
      <mbox_cx>582.9349</mbox_cx>
      <mbox_cy>353.2006</mbox_cy>
      <mbox_w>778.1303</mbox_w>
      <mbox_h>174.2541</mbox_h>
      <mbox_ang>-0.2144308</mbox_ang>
      <header_x>964</header_x>
      <header_y>290</header_y>
    </HRSC_Object>
  </HRSC_Objects>
</HRSC_Image>
"""


def test_hrsc2016_angle_points_from_the_stern_to_the_labelled_bow(tmp_path):
    write_picture(tmp_path / "AllImages/100000001.bmp", width=1166, height=753)
    write_text(tmp_path / "Annotations/100000001.xml", HRSC)

    (image,), _ = read_whole("hrsc2016", tmp_path)

    assert image.gsd_m == pytest.approx(1.07)
    assert image.labels.kinds == ("naval",)
    assert sides(image)[0] == pytest.approx([778.13, 174.254], abs=1e-3)
    bow = image.labels.corners[0, 1:3].mean(axis=0)
    assert np.linalg.norm(bow - [964, 290]) < 25


@pytest.mark.parametrize("resolution", ["", "0"])
def test_hrsc2016_without_a_resolution_has_no_gsd(tmp_path, resolution):
    write_picture(tmp_path / "AllImages/100000001.bmp", width=1166, height=753)
    write_text(tmp_path / "Annotations/100000001.xml", HRSC.replace("1.07", resolution))

    (image,), report = read_whole("hrsc2016", tmp_path)

    assert image.gsd_m is None
    assert not report.problems


FAIR1M = """<?xml version="1.0" encoding="utf-8"?>
<annotation>
  <source><filename>1.tif</filename><origin>GF2/GF3</origin></source>
  <research><version>1.0</version><provider>FAIR1M</provider></research>
  <size><width>120</width><height>80</height><depth>3</depth></size>
  <objects>
    <object>
      <coordinate>pixel</coordinate>
      <type>rectangle</type>
      <description>None</description>
      <possibleresult><name>Liquid Cargo Ship</name></possibleresult>
      <points>
        <point>10.000000,20.000000</point>
        <point>70.000000,20.000000</point>
        <point>70.000000,32.000000</point>
        <point>10.000000,32.000000</point>
        <point>10.000000,20.000000</point>
      </points>
    </object>
    <object>
      <possibleresult><name>Boeing737</name></possibleresult>
      <points><point>1,1</point><point>9,1</point><point>9,9</point><point>1,9</point><point>1,1</point></points>
    </object>
  </objects>
</annotation>
"""


def test_fair1m_closed_rings_become_boxes_and_liquid_cargo_ships_tankers(tmp_path):
    write_picture(tmp_path / "images/1.tif")
    write_text(tmp_path / "labelXml/1.xml", FAIR1M)

    (image,), report = read_whole("fair1m", tmp_path)

    assert image.labels.kinds == ("tanker",)
    assert sides(image).tolist() == [[60, 12]]
    assert image.gsd_m == 0.8
    assert report.left_out == {"Boeing737": 1}


SHIPRS = """<annotation>
  <folder>JPEGImages</folder>
  <filename>000001.bmp</filename>
  <source><database>ShipRSImageNet</database><dataset_source>HRSC</dataset_source></source>
  <size><width>120</width><height>80</height><depth>3</depth></size>
  <Img_Resolution>1.07</Img_Resolution>
  <segmented>0</segmented>
  <object>
    <name>Oil Tanker</name>
    <pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
    <level_0>1</level_0><level_1>3</level_1><level_2>19</level_2><level_3>47</level_3>
    <bndbox><xmin>10</xmin><ymin>10</ymin><xmax>52</xmax><ymax>40</ymax></bndbox>
    <polygon><x1>10</x1><y1>34</y1><x2>46</x2><y2>10</y2><x3>52</x3><y3>18</y3><x4>15</x4><y4>42</y4></polygon>
    <Ship_area>420.0</Ship_area>
  </object>
  <object>
    <name>Dock</name><difficult>0</difficult>
    <bndbox><xmin>60</xmin><ymin>60</ymin><xmax>70</xmax><ymax>70</ymax></bndbox>
    <polygon><x1>60</x1><y1>60</y1><x2>70</x2><y2>60</y2><x3>70</x3><y3>70</y3><x4>60</x4><y4>70</y4></polygon>
  </object>
</annotation>
"""


def test_shiprsimagenet_polygon_counts_not_the_upright_box(tmp_path):
    write_picture(tmp_path / "VOC_Format/JPEGImages/000001.bmp")
    write_text(tmp_path / "VOC_Format/Annotations/000001.xml", SHIPRS)

    (image,), report = read_whole("shiprsimagenet", tmp_path)

    assert image.labels.kinds == ("tanker",)
    assert image.labels.corners[0].tolist() == [[10, 34], [46, 10], [52, 18], [15, 42]]
    assert image.gsd_m == pytest.approx(1.07)
    assert report.left_out == {"Dock": 1}
